"""The wave function ψ: potentials, Hamiltonians, states, observables, steppers, spectra."""
