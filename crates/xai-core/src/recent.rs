//! The values that were computed last, to be used again.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A few values, each found by what it was computed for.
///
/// Computing is left to the caller, without the lock: it may run the user's code, and a backend that
/// waits for its threads may run another explanation meanwhile, which would wait for the lock.
pub(crate) struct Recent<K, V> {
    entries: Mutex<VecDeque<(K, V)>>,
    capacity: usize,
}

impl<K, V: Clone> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: Mutex::default(), capacity }
    }

    /// The value of the first key that is `wanted`.
    pub(crate) fn find(&self, wanted: impl Fn(&K) -> bool) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|(key, _)| wanted(key)).map(|(_, value)| value.clone())
    }

    /// Forgets all values.
    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Adds a value, for which the oldest one makes room.
    pub(crate) fn insert(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity {
            entries.pop_front();
        }
        entries.push_back((key, value));
    }
}

impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let recent = Recent::new(2);
        for key in [1, 2, 3] {
            recent.insert(key, key * 10);
        }
        assert_eq!([1, 2, 3].map(|key| recent.find(|k| *k == key)), [None, Some(20), Some(30)]);
    }
}
