"""Parameters inferred from data, with error bars."""
