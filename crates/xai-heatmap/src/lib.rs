//! Relevance maps to pictures: normalisation, colour maps, grids, overlays, PNG.
