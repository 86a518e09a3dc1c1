"""What a network is worth: scores, the paper's protocol, baselines."""
