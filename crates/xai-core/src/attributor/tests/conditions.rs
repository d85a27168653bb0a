//! Relevance through chosen channels.

use super::*;
use crate::attributor::{Attributor, ChannelRanking, Condition, Lrp};
use crate::composite::epsilon_plus;
use crate::error::{AttributorError, ExplainError};

fn lrp() -> Lrp<Flex> {
    Lrp::new(&model(), epsilon_plus()).with_ledger()
}

#[test]
fn channels_by_themselves_add_up_to_the_whole() {
    let whole = relevance(&lrp().attribute(images(2), 1).unwrap());
    let (mut sum, mut with_relevance) = (vec![0.0; whole.len()], 0);
    for channel in 0..5 {
        let only = lrp().with_condition(Condition::channels("second", [channel]));
        let of_channel = relevance(&only.attribute(images(2), 1).unwrap());
        with_relevance += usize::from(of_channel.iter().any(|relevance| *relevance != 0.0));
        sum.iter_mut().zip(of_channel).for_each(|(sum, relevance)| *sum += relevance);
    }
    assert!(with_relevance > 1);
    assert_close(&sum, &whole, 1e-5);
    let all = lrp().with_condition(Condition::channels("second", 0..5));
    assert_eq!(relevance(&all.attribute(images(2), 1).unwrap()), whole);
}

#[test]
fn what_does_not_pass_is_booked_as_dropped() {
    let whole = lrp().with_relevance_at("second").attribute(images(2), 1).unwrap();
    let arrived = values(whole.relevance_at::<4>("second").unwrap());
    let only = lrp().with_condition(Condition::channels("second", [0, 3]));
    let attribution = only.attribute(images(2), 1).unwrap();
    let ledger = attribution.ledger().unwrap();
    let row = ledger.rows().iter().find(|row| row.node == "second").unwrap();
    for sample in 0..2 {
        let sample_sum = |channels: &[usize]| {
            let of_channel = |channel: &usize| arrived[(sample * 5 + channel) * 4..][..4].iter().sum::<f64>();
            channels.iter().map(of_channel).sum::<f64>()
        };
        assert!((row.arrived[sample] - sample_sum(&[0, 1, 2, 3, 4])).abs() < 1e-4);
        assert!((row.dropped[sample] - sample_sum(&[1, 2, 4])).abs() < 1e-4);
        assert!(row.unexplained()[sample].abs() < 1e-4);
    }
}

#[test]
fn conditions_hold_together() {
    let both = lrp().with_condition(Condition::channels("second", [2]));
    let both = both.with_condition(Condition::features("flat", 8..12));
    let one = lrp().with_condition(Condition::channels("second", [2]));
    // The flat features 8 to 11 are the channel 2.
    assert_eq!(
        relevance(&both.attribute(images(1), 0).unwrap()),
        relevance(&one.attribute(images(1), 0).unwrap())
    );
    let none = both.with_condition(Condition::features("flat", [0]));
    assert!(relevance(&none.attribute(images(1), 0).unwrap()).iter().all(|relevance| *relevance == 0.0));
}

#[test]
fn the_ranking_holds_the_best_samples_of_each_channel() {
    let mut ranking = ChannelRanking::new(&lrp(), "second").with_samples(3);
    let samples = numbers::<Flex, 4>([6, 2, 10, 10], 5, &Default::default());
    for part in samples.clone().split_with_sizes(vec![4, 2], 0) {
        ranking.add(part, 1).unwrap();
    }
    let whole = lrp().with_relevance_at("second").attribute(samples, 1).unwrap();
    let at_node = values(whole.relevance_at::<4>("second").unwrap());
    let mut totals = [0.0; 5];
    for channel in 0..5 {
        let sum = |sample: usize| at_node[(sample * 5 + channel) * 4..][..4].iter().sum::<f64>();
        let mut sums: Vec<_> = (0..6).map(|sample| (sample, sum(sample))).collect();
        totals[channel] = sums.iter().map(|(_, sum)| sum.abs()).sum();
        sums.sort_by(|a, b| b.1.total_cmp(&a.1));
        let got = ranking.samples(channel);
        assert_eq!(got.len(), 3);
        for ((sample, sum), (want, want_sum)) in got.iter().zip(&sums) {
            assert!(sample == want && (sum - want_sum).abs() < 1e-4, "{got:?} {sums:?}");
        }
    }
    let order = ranking.channels();
    assert!(order.windows(2).all(|pair| totals[pair[0]] >= totals[pair[1]]), "{order:?} {totals:?}");
    assert!(ranking.samples(5).is_empty());
}

#[test]
fn nodes_and_channels_that_do_not_exist_are_errors() {
    let error = |condition| lrp().with_condition(condition).attribute(images(1), 0).unwrap_err();
    assert!(error(Condition::channels("secnd", [0])).to_string().contains("`second`"));
    assert!(matches!(
        error(Condition::channels("second", [5])),
        ExplainError::Attributor(AttributorError::Channel { channel: 5, channels: 5, .. })
    ));
    assert!(matches!(
        error(Condition::channels("x", [0])),
        ExplainError::Attributor(AttributorError::ConditionNode { .. })
    ));
}
