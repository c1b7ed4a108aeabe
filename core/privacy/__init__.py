"""Personal data of shoppers over all slices: export, erasure and retention."""
