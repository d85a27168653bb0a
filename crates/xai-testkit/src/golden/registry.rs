//! Runs all cases of a golden folder, so that none is forgotten.

use std::collections::BTreeMap;
use std::fmt;

use wildmatch::WildMatch;

use super::compare::{Agreement, Deviation};
use super::data::Golden;
use super::error::GoldenError;
use super::manifest::Case;

/// Cases that are not run, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exclusion {
    /// Names of the cases; `*` stands for any characters.
    pub(super) pattern: &'static str,
    /// Only cases with this tag, of which the fixtures have that many.
    pub(super) tagged: Option<(&'static str, usize)>,
    /// Why they are not run.
    pub(super) reason: &'static str,
}

impl Exclusion {
    /// All cases that `pattern` matches.
    pub(super) const fn new(pattern: &'static str, reason: &'static str) -> Self {
        Self { pattern, tagged: None, reason }
    }

    /// Whether it lists a case.
    fn lists(&self, case: &Case) -> bool {
        WildMatch::new(self.pattern).matches(&case.name) && self.tagged.is_none_or(|(tag, _)| case.is(tag))
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
    /// How well recorded graphs agree with those built by hand, if any were recorded.
    pub agreement: Agreement,
}

impl Report {
    /// Prints the report, and panics with everything that failed.
    pub fn assert_passed(&self) {
        println!("{self}");
        assert!(
            self.failures.is_empty(),
            "{} golden failures:\n{}",
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
            Err(error) => return self.failures.push(format!("case `{}`: {error}", case.name)),
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

/// A table of counts, the largest error of each folder, the reasons of exclusions, the agreement.
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
        write!(f, "{}", self.agreement)
    }
}

/// Runs every case of `golden` that no exclusion lists.
///
/// Failures are: a case that does not come out as stored, a case that is neither run nor listed
/// (`run` says so with an error), a subfolder without cases, no cases at all, or none that is run.
pub(super) fn run_cases(
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
    for case in cases {
        match listed.iter().find(|exclusion| exclusion.lists(case)) {
            Some(Exclusion { reason, .. }) => {
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
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::excluded::{NEVER, NOT_RECORDED};

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
            assert_eq!(case.name, "new/1");
            Err(GoldenError::Unsupported("no runner".to_owned()))
        });
        let failure = "case `new/1`: it can neither be run nor is it listed as excluded: no runner";
        assert_eq!(report.failures[0], failure);
    }

    /// An exclusion that matches no case of the committed data, or not as many as it says, is wrong.
    #[test]
    fn exclusions_list_what_they_say() {
        let golden = Golden::committed("golden").unwrap();
        for exclusion in [NEVER, NOT_RECORDED].concat() {
            let listed = golden.cases().iter().filter(|case| exclusion.lists(case)).count();
            assert!(listed > 0, "{exclusion:?} lists no case; take it off the list");
            assert_eq!(listed, exclusion.tagged.map_or(listed, |(_, count)| count), "{exclusion:?}");
        }
    }

    #[test]
    fn a_tag_restricts_an_exclusion() {
        let mut odd = case("a/odd");
        odd.tags.push("odd".to_owned());
        let listed = [Exclusion { pattern: "a/*", tagged: Some(("odd", 1)), reason: "odd" }];
        let report = run_listed(&[case("a/1"), odd], &listed, |_| deviation(0.0));
        assert_eq!((report.run(), report.failures.len()), (1, 0));
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
    #[should_panic(expected = "case `a/1`: `x` is off by NaN")]
    fn nan_is_a_failure_and_failures_panic() {
        run_listed(&[case("a/1")], &[], |_| deviation(f64::NAN)).assert_passed();
    }
}
