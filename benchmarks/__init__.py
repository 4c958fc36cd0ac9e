"""What prints the README's figures: `run` against the recorded peers, `scaling` for the law, `readme` to quote them."""
