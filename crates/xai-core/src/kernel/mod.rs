//! Forward maps and adjoints of linear layers and pools, on rank-erased values.
