"""Products and convolutions by oneDNN, threads by GCC's OpenMP."""
