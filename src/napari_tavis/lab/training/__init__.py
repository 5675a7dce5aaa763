"""Training and evaluation of TAViS. Imports torch: import its modules where they are needed."""
