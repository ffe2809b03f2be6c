//! Names that very many recordings have in common: each is kept once, however many rows tell of it.

use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;

/// Names that are remembered; one that is forgotten is kept once more.
const MOST: usize = 4096;

static KNOWN: LazyLock<Cache<Arc<str>, Arc<str>>> = LazyLock::new(|| Cache::new(MOST));

/// The name, in the same memory as whoever else has it.
pub fn shared(name: &str) -> Arc<str> {
    KNOWN.get(name).unwrap_or_else(|| {
        let name: Arc<str> = name.into();
        KNOWN.insert(name.clone(), name.clone());
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_the_same_name_share_it() {
        let (one, other) = (shared("AC1"), shared("AC1"));
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(&*shared("AC2"), "AC2");
    }
}
