"""The paper's ablations: the same short training with a part left out, for several seeds."""
