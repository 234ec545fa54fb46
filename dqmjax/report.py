"""What a recovery found: estimates, error bars, and what the data cannot tell."""

import dataclasses

import numpy as np
from jaxtyping import Float

from .fock import AT_EDGE
from .likelihood import Goodness

ACCURACY = 1e-9  # of the peak; no density is trusted beyond, so that σ = 0 proves nothing
KNOWN = 3.0  # a combination is determined if a large change of it is this many σ

Vector = Float[np.ndarray, " parameters"]


@dataclasses.dataclass(frozen=True)
class Recovery:
    """Parameters recovered from data; print it for a table.

    Covariance and standard errors are those of the likelihood at its maximum (the inverse
    Fisher information), scaled by the residuals where no noise level is known. They hold if
    the model describes the data, which `goodness` judges.
    """

    estimate: dict[str, float]
    stderr: dict[str, float]  # infinite where the data do not determine the parameter
    covariance: Float[np.ndarray, "parameters parameters"]  # in the order of `estimate`
    identifiable: dict[str, bool]
    undetermined: list[dict[str, float]]  # combinations that the data do not determine
    goodness: Goodness
    density: Float[np.ndarray, "times points"]  # as predicted
    edge_weight: float  # largest share of ‖ρ‖² at the cut-off, over all times
    start: dict[str, float]
    origin: str  # of the start: "start", "weak form" or "model"

    @property
    def correlation(self) -> Float[np.ndarray, "parameters parameters"]:
        """Covariance over the standard errors; 0 where those are infinite."""
        finite = np.isfinite(self.covariance)
        sigma = np.sqrt(np.diag(self.covariance))
        covariance = np.where(finite, self.covariance, 0)
        outer = np.outer(sigma, sigma)
        ratio = np.divide(
            covariance, outer, where=np.isfinite(outer) & (outer > 0), out=np.zeros_like(outer)
        )
        np.fill_diagonal(ratio, 1.0)
        return ratio

    def rounded(self, name: str) -> tuple[str, str]:
        """Estimate and standard error, to two digits of the error."""
        value, error = self.estimate[name], self.stderr[name]
        if not np.isfinite(error):
            return f"{value:.4g}", "undetermined"
        power = int(np.floor(np.log10(error))) if error else -15
        if -15 <= power <= 1 and abs(value) < 1e6:
            return f"{round(value, 1 - power) + 0.0:.{max(1 - power, 0)}f}", f"{error:.2g}"
        digits = max(int(np.floor(np.log10(max(abs(value), error)))) - power + 1, 1)
        return f"{value:.{digits}e}", f"{error:.2g}"

    def __str__(self) -> str:
        lines = [f"{'parameter':<12} {'estimate':>16} {'std. error':>12} {'start':>12}"]
        for name in self.estimate:
            value, error = self.rounded(name)
            lines.append(f"{name:<12} {value:>16} {error:>12} {self.start[name]:>12.4g}")
        for combination in self.undetermined:
            terms = " + ".join(f"{c:.2g} {name}" for name, c in combination.items())
            lines.append(f"The data do not determine {terms}.")
        if self.edge_weight > AT_EDGE:
            share = f"{self.edge_weight:.1g} of the squared state reaches the cut-off"
            lines.append(f"Take care: {share}: keep more levels.")
        g = self.goodness
        noise = f"chi2/dof {g.chi2 / g.dof:.4g}" if g.noise_known else "noise level not given"
        lines.append(f"{noise}, residual {g.misfit:.2g} of the peak. {g.verdict}")
        return "\n".join(lines)

    def to_json(self) -> dict:
        """Numbers and words for `result.json`; an infinite error is null."""
        g = self.goodness
        finite = lambda x: float(x) if np.isfinite(x) else None
        return {
            "estimate": self.estimate,
            "stderr": {name: finite(x) for name, x in self.stderr.items()},
            "covariance": [[finite(x) for x in row] for row in self.covariance],
            "correlation": self.correlation.tolist(),
            "identifiable": self.identifiable,
            "undetermined": self.undetermined,
            "start": self.start,
            "start_from": self.origin,
            "chi2": g.chi2 if g.noise_known else None,
            "dof": g.dof,
            "residual_of_peak": g.misfit,
            "edge_weight": self.edge_weight,
            "describes_data": g.describes_data,
            "verdict": g.verdict,
        }


def judge(
    *, names, start, origin, vector, density, edge_weight, jacobian, scales, goodness
) -> Recovery:
    """Error bars and identifiability from the weighted Jacobian (times, points, parameters)."""
    noise = 1.0 if goodness.noise_known else max(goodness.chi2 / goodness.dof, ACCURACY**2) ** 0.5
    _, sensitivity, directions = np.linalg.svd(
        jacobian.reshape(-1, len(names)) * scales / noise, full_matrices=False
    )
    known = (sensitivity > KNOWN) & (sensitivity > 1e-12 * sensitivity[0])
    root = directions[known].T / sensitivity[known] * scales[:, None]
    covariance = root @ root.T
    open_ = np.abs(directions[~known]) > 0.1
    identifiable = ~open_.any(axis=0)
    covariance[~identifiable] = np.inf
    covariance[:, ~identifiable] = np.inf
    sigma = np.sqrt(np.diag(covariance))
    as_dict = lambda values: dict(zip(names, values.tolist(), strict=True))
    combinations = [
        {n: float(x) for n, x, large in zip(names, direction, mask, strict=True) if large}
        for direction, mask in zip(directions[~known], open_, strict=True)
    ]
    return Recovery(
        estimate=as_dict(vector),
        stderr=as_dict(sigma),
        covariance=covariance,
        identifiable=as_dict(identifiable),
        undetermined=combinations,
        goodness=goodness,
        density=density,
        edge_weight=edge_weight,
        start=as_dict(start),
        origin=origin,
    )
