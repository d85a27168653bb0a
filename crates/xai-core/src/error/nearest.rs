//! The names that a misspelt one may mean.

/// How many names a message offers.
const OFFERED: usize = 3;

/// The few of `known` that are most like `name`, best first, quoted and comma separated.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let plain = name.replace(['*', '?'], "");
    let mut known: Vec<_> =
        known.into_iter().map(|other| (strsim::jaro_winkler(&plain, other), other)).collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0));
    let offered = known.iter().take(OFFERED).map(|(_, other)| format!("`{other}`"));
    offered.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_most_alike_come_first() {
        let known = ["features.0", "features.3", "head", "head.relu", "pool"];
        assert_eq!(nearest("haed", known), "`head`, `head.relu`, `features.0`");
        assert_eq!(nearest("pol*", known).split(", ").next(), Some("`pool`"));
        assert_eq!(nearest("x", []), "");
    }
}
