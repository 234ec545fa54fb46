"""Interactive pages: one HTML file with precomputed fields, without a server or a network."""
