"""One figure a file: plain arrays in, a Picture (drawing, sentence, table) out."""
