"""What is tried out and measured: training, evaluation, toy data, speed. Torch is here."""
