"""What an object is and how it comes in: arrays, files, data types, made-up data. Imports nothing heavy."""
