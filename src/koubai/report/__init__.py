"""What came out, shown: figures, tables, one HTML file, the terminal, exports."""
