use std::sync::{Arc, Mutex};

use super::*;
use crate::attributor::{InputXGradient, Saliency};

/// Gives these values whatever was explained.
struct Fixed(&'static [f64]);

impl Metric<Flex> for Fixed {
    fn name(&self) -> &str {
        "fixed"
    }

    fn higher_is_better(&self) -> bool {
        true
    }

    fn evaluate(&self, _: &Explained<Flex>) -> Result<Vec<f64>, ExplainError> {
        Ok(self.0.to_vec())
    }
}

fn comparison() -> Comparison<Flex> {
    let model = linear();
    Comparison::new()
        .with_method("gradient", Saliency::new(&model))
        .with_method("x, \"gradient\"", InputXGradient::new(&model))
        .with_metric(PixelFlipping::new(&model))
        .with_metric(Fixed(&[1.0, f64::NAN]))
        .with_metric((String::from("other"), Fixed(&[1.0, 3.0])))
        .with_metric(Completeness::new(&model).with_relative_gap())
}

/// The report with times that are known.
fn report() -> Report {
    let mut report = comparison().run(samples().0, 0).unwrap();
    for method in &mut report.methods {
        assert!(method.seconds > 0.0);
        method.seconds = 0.25;
    }
    report
}

#[test]
fn a_report_holds_what_the_metrics_say() {
    let report = report();
    let (x, relevance) = samples();
    let flipping = PixelFlipping::new(&linear());
    let curves = flipping.curves(x, relevance, 0).unwrap();
    let flipped = &report.methods[1].metrics[0];
    assert_eq!((flipped.name.as_str(), flipped.higher_is_better), ("deletion", false));
    assert_eq!(flipped.values, [curves[0].area(), curves[1].area()]);
    assert_eq!(flipped.curve, FlippingCurve::band(&curves));
    assert!(report.curves("deletion").map(|(method, _)| method).eq(["gradient", "x, \"gradient\""]));
    assert_eq!(report.curves("fixed").count(), 0);
    let [fixed, other] = [1, 2].map(|metric| report.methods[0].metrics[metric].estimate.unwrap());
    assert_eq!(fixed, Estimate { mean: 1.0, standard_error: None, samples: 1 });
    assert_eq!(other, Estimate { mean: 2.0, standard_error: Some(1.0), samples: 2 });
    // x w is complete, and w is not: it adds up to 2 instead of 5.25 and 10.
    assert_eq!(report.methods[1].metrics[3].values, [0.0, 0.0]);
    assert_close(&report.methods[0].metrics[3].values, &[3.25 / 5.25, 0.8]);
}

#[test]
fn a_report_is_a_table() {
    let text = report().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    let width = lines[0].chars().count();
    assert!(lines.iter().all(|line| line.chars().count() == width), "{text}");
    assert!(
        lines[0].starts_with("method") && lines[0].contains("deletion ↓") && lines[0].contains("other ↑")
    );
    assert!(lines[2].contains("2.000 ± 1.000") && lines[2].ends_with("0.250"), "{text}");
    let table = |report: Report| report.to_string();
    assert_eq!(table(Comparison::<Flex>::new().run(samples().0, 0).unwrap()), "method  seconds\n");
}

#[test]
fn a_report_is_a_csv_file() {
    let text = report().to_csv();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[0], "method,metric,better,mean,standard_error,samples,seconds");
    assert_eq!(lines[2], "gradient,fixed,higher,1,,1,0.25");
    assert_eq!(lines[7], "\"x, \"\"gradient\"\"\",other,higher,2,1,2,0.25");
}

#[test]
fn a_report_reads_back_from_json() {
    let report = report();
    let text = report.to_json().unwrap();
    let read: Report = serde_json::from_str(&text).unwrap();
    assert!(read.methods[0].metrics[1].values[1].is_nan());
    let (read, written) = (&read.methods[1], &report.methods[1]);
    assert_eq!((&read.name, read.seconds), (&written.name, 0.25));
    for (read, written) in read.metrics.iter().zip(&written.metrics).filter(|(read, _)| read.name != "fixed")
    {
        assert_eq!((&read.name, read.higher_is_better), (&written.name, written.higher_is_better));
        assert_close(&read.values, &written.values);
        assert_close(&[read.estimate.unwrap().mean], &[written.estimate.unwrap().mean]);
        let high = |metric: &MetricReport| metric.curve.as_ref().map(|curve| curve.high.clone());
        assert_close(&high(read).unwrap_or_default(), &high(written).unwrap_or_default());
    }
    assert!(text.contains("\"standard_error\": null"));
}

#[test]
fn names_that_come_again_are_numbered() {
    let model = linear();
    let comparison = Comparison::new()
        .with_method("a", Saliency::new(&model))
        .with_method("a", Saliency::new(&model))
        .with_metric(Sparseness::Gini)
        .with_metric(Sparseness::Gini)
        .with_metric(Sparseness::Gini);
    let report = comparison.run(samples().0, 0).unwrap();
    assert_eq!(report.methods.iter().map(|method| method.name.as_str()).collect::<Vec<_>>(), ["a", "a#2"]);
    assert_eq!(report.methods[1].metrics[2].name, "Gini index#3");
}

#[test]
fn metrics_come_from_lists_with_their_curves() {
    let flipping = || PixelFlipping::new(&linear());
    let metrics: Vec<Box<dyn Metric<Flex>>> = vec![Box::new(flipping()), Box::new(("named", flipping()))];
    let comparison = Comparison::new().with_method("a", Saliency::new(&linear()));
    let comparison = metrics.into_iter().fold(comparison, Comparison::with_metric);
    let report = comparison.run(samples().0, 0).unwrap();
    let [first, second] = &report.methods[0].metrics[..] else { panic!("{report:?}") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("deletion", "named"));
    assert!(first.curve.is_some() && first.curve == second.curve && !second.higher_is_better);
}

#[test]
fn progress_counts_explanations_and_metrics() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let comparison = comparison().with_progress(move |progress| {
        listener.lock().unwrap().push((progress.done, progress.total));
    });
    comparison.run(samples().0, 0).unwrap();
    assert_eq!(*told.lock().unwrap(), (1..=10).map(|done| (done, 10)).collect::<Vec<_>>());
}

#[test]
fn a_metric_without_a_value_for_each_sample_is_an_error() {
    let comparison = Comparison::new().with_method("a", Saliency::new(&linear())).with_metric(Fixed(&[1.0]));
    assert_eq!(
        refusal(comparison.run(samples().0, 0)),
        AttributorError::MetricValues { metric: "fixed".to_owned(), got: 1, samples: 2 }
    );
}

#[test]
fn every_metric_takes_part() {
    let model = image_sum();
    let x = value(numbers(80, 1), &[2, 2, 5, 4]);
    let mask = value(vec![1.0; 10].into_iter().chain(vec![0.0; 10]).collect(), &[1, 1, 5, 4]);
    let comparison = Comparison::new()
        .with_method("gradient", Saliency::new(&model))
        .with_metric(PixelFlipping::new(&model).with_insertion())
        .with_metric(PixelFlipping::new(&model).with_least_relevant_first())
        .with_metric(PixelFlipping::new(&model).with_insertion().with_least_relevant_first())
        .with_metric(Road::new(&model))
        .with_metric(Road::new(&model).with_least_relevant_first())
        .with_metric(Infidelity::new(&model))
        .with_metric(MaxSensitivity::new(&model))
        .with_metric(Completeness::new(&model))
        .with_metric(Localisation::pointing_game(mask.clone()))
        .with_metric(Localisation::mass_accuracy(mask.clone()))
        .with_metric(Localisation::rank_accuracy(mask))
        .with_metric(Sparseness::Gini)
        .with_metric(Sparseness::Entropy);
    let report = comparison.run(to_f32(x), 0).unwrap();
    let metrics = &report.methods[0].metrics;
    let value =
        |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap().estimate.unwrap().mean;
    // The gradient of a linear model is exact, stable, and the same for all: i + 1 for the i-th element.
    assert!(value("infidelity") < 1e-5);
    assert_eq!(value("max-sensitivity"), 0.0);
    assert_eq!((value("pointing game"), value("rank accuracy")), (0.0, 0.0));
    // Of the first 10 pixels with the weights i and 20 + i each.
    assert!((value("mass accuracy") - 310.0 / 820.0).abs() < 1e-6);
    let better: Vec<_> = metrics.iter().map(|metric| metric.higher_is_better).collect();
    assert_eq!(better[..8], [true, true, false, false, true, false, false, false]);
    assert_eq!(better[8..], [true, true, true, true, false]);
}

fn to_f32(x: Value<Flex>) -> Value<Flex> {
    let data = x.to_data().unwrap().convert_dtype(burn::tensor::DType::F32);
    Value::from_data(data, &Default::default())
}
