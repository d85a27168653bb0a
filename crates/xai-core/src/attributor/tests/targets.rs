use super::*;
use crate::attributor::{Attributor, Lrp};
use crate::composite::{Composite, epsilon_plus_flat, gradient};
use crate::model::{Seed, Target};

fn under(composite: Composite) -> Lrp<Flex> {
    Lrp::new(&model(), composite).with_relevance_at("second").with_ledger()
}

#[test]
fn several_targets_are_several_calls() {
    for composite in [epsilon_plus_flat(), gradient()] {
        let lrp = under(composite);
        let targets = [Target::class(2), Target::argmax(), Target::contrast(0, 1), Target::classes([1, 0])];
        let together = lrp.attribute_targets(images(2), targets.clone()).unwrap();
        assert_eq!(together.len(), 4);
        for (together, target) in together.iter().zip(targets) {
            let alone = lrp.attribute(images(2), target).unwrap();
            assert_eq!(relevance(together), relevance(&alone));
            assert_eq!(
                (together.classes(), together.contrast_classes()),
                (alone.classes(), alone.contrast_classes())
            );
            let at =
                |attribution: &Attribution<Flex>| values(attribution.relevance_at::<4>("second").unwrap());
            assert_eq!(at(together), at(&alone));
            assert_eq!(together.ledger(), alone.ledger());
            assert_eq!(together.scores().unwrap(), alone.scores().unwrap());
        }
    }
}

#[test]
fn classes_are_targets_and_none_is_no_error() {
    let lrp = under(gradient());
    assert_eq!(lrp.attribute_targets(images(1), 0..3).unwrap().len(), 3);
    assert!(lrp.attribute_targets(images(1), Vec::<Target<Flex>>::new()).unwrap().is_empty());
    let refused = lrp.attribute_targets(images(1), [0, 3]).unwrap_err().to_string();
    assert!(refused.contains("class 3 (sample 0) does not exist"), "{refused}");
}

#[test]
fn a_contrast_is_the_difference_of_two_classes() {
    // What rules pass on is linear in what arrives, whatever they do with the forward values.
    for composite in [epsilon_plus_flat(), gradient()] {
        let lrp = under(composite);
        for seed in [Seed::Output, Seed::One] {
            let targets = [Target::class(2), Target::class(0), Target::contrast(2, 0)];
            let [for_2, for_0, contrast] = lrp
                .attribute_targets(images(2), targets.map(|target| target.with_seed(seed)))
                .unwrap()
                .try_into()
                .unwrap();
            let difference: Vec<_> =
                relevance(&for_2).iter().zip(relevance(&for_0)).map(|(a, b)| a - b).collect();
            assert_close(&relevance(&contrast), &difference, 1e-5);
            let explained = for_2.scores().unwrap()[1] - for_0.scores().unwrap()[1];
            assert!((contrast.scores().unwrap()[1] - explained).abs() < 1e-5);
        }
    }
}
