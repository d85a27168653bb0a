//! Explain the predictions of Burn models: layer-wise relevance propagation and gradient methods.
