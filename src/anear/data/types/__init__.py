"""The data types: one file each says how an object of that type is laid out in memory."""
