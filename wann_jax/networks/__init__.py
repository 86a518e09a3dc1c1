"""Networks: what genomes compile to, evaluated and thrown away."""
