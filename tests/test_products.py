import jax
import numpy as np
import pytest

from dqmjax.products import product


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_products_of_real_and_complex_matrices(left, right):
    random = np.random.default_rng(0)
    numbers = lambda shape, both: random.normal(size=shape) + both * 1j * random.normal(size=shape)
    a, b = numbers((3, 4, 5), left), numbers((3, 5, 2), right)
    a, b = (x if both else x.real for x, both in ((a, left), (b, right)))
    got = product(jax.numpy.asarray(a), jax.numpy.asarray(b))
    assert got.dtype == (a @ b).dtype
    np.testing.assert_allclose(got, a @ b, rtol=1e-14, atol=1e-14)


def test_single_precision_is_not_lowered():
    a = jax.ShapeDtypeStruct((8, 8), np.complex64)
    assert "HIGHEST" in jax.jit(product).lower(a, a).as_text()


def test_a_gpu_multiplies_complex_numbers_itself():
    a = jax.ShapeDtypeStruct((8, 8), np.complex64)
    text = jax.jit(product).trace(a, a).lower(lowering_platforms=("cuda",)).as_text()
    assert "complex<f32>>, tensor<8x8xcomplex<f32>>) -> tensor<8x8xcomplex<f32>>" in text
    assert "HIGHEST" in text
