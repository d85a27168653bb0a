//! Runs all cases of a golden folder, so that none is forgotten.

use std::collections::BTreeMap;
use std::fmt;

use wildmatch::WildMatch;

use super::compare::Deviation;
use super::data::Golden;
use super::error::GoldenError;
use super::manifest::Case;

/// Cases that are not run, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion {
    /// Names of the cases; `*` stands for any characters.
    pub pattern: &'static str,
    /// The tag that the cases must have, if they must have one.
    pub tag: Option<&'static str>,
    /// How many cases these are, if it matters.
    pub count: Option<usize>,
    /// Why they are not run.
    pub reason: &'static str,
}

impl Exclusion {
    /// An exclusion of the cases that `pattern` matches.
    pub const fn new(pattern: &'static str, reason: &'static str) -> Self {
        Self { pattern, tag: None, count: None, reason }
    }

    /// Only of those with this tag, of which there are `count`.
    pub const fn tagged(self, tag: &'static str, count: usize) -> Self {
        Self { tag: Some(tag), count: Some(count), ..self }
    }

    /// What is wrong with the number of cases that it matched.
    fn complaint(&self, matched: usize) -> Option<String> {
        let (pattern, reason) = (self.pattern, self.reason);
        match self.count {
            _ if matched == 0 => Some(format!(
                "`{pattern}` is listed as excluded ({reason}), but matches no case; take it off the list"
            )),
            Some(count) if count != matched => Some(format!(
                "`{pattern}` is listed as excluded ({reason}) and must match {count} cases, not {matched}"
            )),
            _ => None,
        }
    }
}

/// Number of cases of one folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FolderCount {
    /// Cases that were run.
    pub run: usize,
    /// Cases that were run and passed.
    pub passed: usize,
    /// Cases that an exclusion lists, by reason.
    pub excluded: BTreeMap<&'static str, usize>,
    /// The largest error of a tensor that passed, with the names of its case and itself.
    pub worst: Option<(f64, String)>,
}

/// What became of all cases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Counts by folder: the part of a case's name before the first `/`.
    pub folders: BTreeMap<String, FolderCount>,
    /// What failed, in words.
    pub failures: Vec<String>,
}

impl Report {
    /// Panics with everything that failed.
    pub fn assert_passed(&self) {
        assert!(
            self.failures.is_empty(),
            "{} golden failures:\n{}\n{self}",
            self.failures.len(),
            self.failures.join("\n")
        );
    }

    /// Cases that were run, over all folders.
    pub fn run(&self) -> usize {
        self.folders.values().map(|count| count.run).sum()
    }

    fn record(&mut self, case: &Case, outcome: Result<Vec<Deviation>, GoldenError>) {
        let count = self.folders.entry(case.folder().to_owned()).or_default();
        count.run += 1;
        let deviations = match outcome {
            Ok(deviations) => deviations,
            Err(error) => return self.failures.push(error.to_string()),
        };
        if deviations.is_empty() {
            return self.failures.push(format!("case `{}` compared nothing", case.name));
        }
        let failures = self.failures.len();
        for deviation in deviations {
            if !deviation.passes() {
                self.failures.push(format!("case `{}`: {deviation}", case.name));
            } else if count.worst.as_ref().is_none_or(|(worst, _)| deviation.error > *worst) {
                count.worst = Some((deviation.error, format!("{} {}", case.name, deviation.tensor)));
            }
        }
        count.passed += usize::from(self.failures.len() == failures);
    }
}

/// A table of counts, the largest error of each folder, and the reasons of exclusions.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:14} {:>6} {:>6} {:>8}  largest error", "folder", "run", "passed", "excluded")?;
        for (folder, count) in &self.folders {
            let excluded: usize = count.excluded.values().sum();
            write!(f, "{folder:14} {:6} {:6} {excluded:8}", count.run, count.passed)?;
            match &count.worst {
                Some((error, tensor)) => writeln!(f, "  {error:.2e}: {tensor}")?,
                None => writeln!(f)?,
            }
        }
        for (folder, count) in &self.folders {
            for (reason, cases) in &count.excluded {
                writeln!(f, "excluded: {cases} of {folder}: {reason}")?;
            }
        }
        Ok(())
    }
}

/// Runs every case of `golden` that no exclusion lists.
///
/// Failures are: a case that does not come out as stored, a case that is neither run nor listed
/// (`run` says so with an error), an exclusion that matches no case or not as many as it says, a
/// subfolder without cases, no cases at all, or none that is run.
pub fn run_cases(
    golden: &Golden,
    listed: &[Exclusion],
    run: impl FnMut(&Case) -> Result<Vec<Deviation>, GoldenError>,
) -> Report {
    let mut report = run_listed(golden.cases(), listed, run);
    let folder = golden.folder().display();
    match golden.unread_folders() {
        Ok(unread) => {
            let failure = |name| format!("folder `{name}` of `{folder}` has no case in the manifest");
            report.failures.extend(unread.into_iter().map(failure));
        }
        Err(error) => report.failures.push(error.to_string()),
    }
    report
}

fn run_listed(
    cases: &[Case],
    listed: &[Exclusion],
    mut run: impl FnMut(&Case) -> Result<Vec<Deviation>, GoldenError>,
) -> Report {
    let mut report = Report::default();
    let patterns: Vec<_> = listed.iter().map(|exclusion| WildMatch::new(exclusion.pattern)).collect();
    let mut matched = vec![0; listed.len()];
    for case in cases {
        let mut reason = None;
        for ((exclusion, pattern), matched) in listed.iter().zip(&patterns).zip(&mut matched) {
            if pattern.matches(&case.name) && exclusion.tag.is_none_or(|tag| case.is(tag)) {
                reason = reason.or(Some(exclusion.reason));
                *matched += 1;
            }
        }
        match reason {
            Some(reason) => {
                let count = report.folders.entry(case.folder().to_owned()).or_default();
                *count.excluded.entry(reason).or_default() += 1;
            }
            None => {
                let outcome = run(case);
                report.record(case, outcome);
            }
        }
    }
    if cases.is_empty() {
        report.failures.push("the manifest has no cases".to_owned());
    } else if report.run() == 0 {
        report.failures.push("all cases are excluded".to_owned());
    }
    let complaints = listed.iter().zip(matched).filter_map(|(exclusion, n)| exclusion.complaint(n));
    report.failures.extend(complaints);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str) -> Case {
        let json = format!(
            r#"{{"name": "{name}", "file": "f.safetensors", "prefix": "", "kind": "any", "tensors": {{}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn deviation(error: f64) -> Result<Vec<Deviation>, GoldenError> {
        Ok(vec![Deviation { tensor: "x".to_owned(), error, tolerance: 1e-4 }])
    }

    #[test]
    fn cases_are_run_or_excluded_and_counted() {
        let cases = [case("a/1"), case("a/2"), case("b/1")];
        let listed = [Exclusion::new("b/*", "not yet")];
        let report = run_listed(&cases, &listed, |case| match case.name.as_str() {
            "a/1" => deviation(1e-5),
            _ => deviation(1e-3),
        });
        let worst = Some((1e-5, "a/1 x".to_owned()));
        let (of_a, of_b) = (BTreeMap::new(), BTreeMap::from([("not yet", 1)]));
        assert_eq!(report.folders["a"], FolderCount { run: 2, passed: 1, excluded: of_a, worst });
        assert_eq!(report.folders["b"], FolderCount { excluded: of_b, ..Default::default() });
        assert_eq!(report.failures.len(), 1);
        assert!(report.failures[0].contains("case `a/2`: `x` is off by 1.00e-3"), "{:?}", report.failures);
    }

    #[test]
    fn a_case_that_is_neither_run_nor_listed_fails() {
        let report = run_listed(&[case("new/1")], &[], |case| {
            Err(GoldenError::Unsupported { case: case.name.clone(), what: "no runner".to_owned() })
        });
        assert!(report.failures[0].contains("`new/1` can neither be run nor is it listed"));
    }

    #[test]
    fn an_exclusion_without_cases_fails() {
        let listed = [Exclusion::new("gone/*", "too slow")];
        let report = run_listed(&[case("a/1")], &listed, |_| deviation(0.0));
        assert!(report.failures[0].contains("`gone/*` is listed as excluded (too slow)"));
    }

    #[test]
    fn an_exclusion_by_tag_counts_its_cases() {
        let mut odd = case("a/odd");
        odd.tags.push("odd".to_owned());
        let cases = [case("a/1"), odd];
        let listed = |count| [Exclusion::new("a/*", "odd").tagged("odd", count)];
        let report = run_listed(&cases, &listed(1), |_| deviation(0.0));
        assert_eq!((report.run(), report.failures.len()), (1, 0));
        let report = run_listed(&cases, &listed(2), |_| deviation(0.0));
        assert!(report.failures[0].contains("must match 2 cases, not 1"), "{:?}", report.failures);
    }

    #[test]
    fn comparing_nothing_fails() {
        let listed = [Exclusion::new("*", "all")];
        let report = run_listed(&[case("a/1")], &listed, |_| deviation(0.0));
        assert_eq!(report.failures, ["all cases are excluded"]);
        assert_eq!(run_listed(&[], &[], |_| deviation(0.0)).failures, ["the manifest has no cases"]);
        let report = run_listed(&[case("a/1")], &[], |_| Ok(Vec::new()));
        assert_eq!(report.failures, ["case `a/1` compared nothing"]);
    }

    #[test]
    #[should_panic(expected = "case `a/1`: `x` is off by 1.00e0")]
    fn failures_panic() {
        run_listed(&[case("a/1")], &[], |_| deviation(1.0)).assert_passed();
    }

    #[test]
    fn nan_is_a_failure() {
        assert_eq!(run_listed(&[case("a/1")], &[], |_| deviation(f64::NAN)).failures.len(), 1);
    }
}
