use super::*;
use crate::composite::{Composite, epsilon_plus_flat};
use crate::explain::{Seed, Target};

fn under(composite: Composite) -> Explainer<Flex> {
    let graph = explainer().prepare(&[images(1).into()]).unwrap().graph().clone();
    Explainer::new(graph, composite).keep_relevance_at("second").with_ledger()
}

#[test]
fn several_targets_are_several_calls() {
    for composite in [epsilon_plus_flat(), gradient()] {
        let explainer = under(composite);
        let targets = [Target::class(2), Target::argmax(), Target::contrast(0, 1), Target::classes([1, 0])];
        let together = explainer.explain_targets(images(2), targets.clone()).unwrap();
        assert_eq!(together.len(), 4);
        for (together, target) in together.iter().zip(targets) {
            let alone = explainer.explain(images(2), target).unwrap();
            assert_eq!(relevance(together), relevance(&alone));
            assert_eq!((together.classes(), together.against()), (alone.classes(), alone.against()));
            let at =
                |attribution: &Attribution<Flex>| values(attribution.relevance_at::<4>("second").unwrap());
            assert_eq!(at(together), at(&alone));
            assert_eq!(together.ledger(), alone.ledger());
            assert_eq!(together.explained().unwrap(), alone.explained().unwrap());
        }
    }
}

#[test]
fn classes_are_targets_and_none_is_no_error() {
    let explainer = under(gradient());
    assert_eq!(explainer.explain_targets(images(1), 0..3).unwrap().len(), 3);
    assert!(explainer.explain_targets(images(1), Vec::<Target<Flex>>::new()).unwrap().is_empty());
    let refused = explainer.explain_targets(images(1), [0, 3]).unwrap_err().to_string();
    assert!(refused.contains("class 3 (sample 0) does not exist"), "{refused}");
}

#[test]
fn a_contrast_is_the_difference_of_two_classes() {
    // What rules pass on is linear in what arrives, whatever they do with the forward values.
    for composite in [epsilon_plus_flat(), gradient()] {
        let explainer = under(composite);
        for seed in [Seed::Output, Seed::One] {
            let targets = [Target::class(2), Target::class(0), Target::contrast(2, 0)];
            let [for_2, for_0, contrast] = explainer
                .explain_targets(images(2), targets.map(|target| target.seeded(seed)))
                .unwrap()
                .try_into()
                .unwrap();
            let difference: Vec<_> =
                relevance(&for_2).iter().zip(relevance(&for_0)).map(|(a, b)| a - b).collect();
            assert_close(&relevance(&contrast), &difference, 1e-5);
            let explained = for_2.explained().unwrap()[1] - for_0.explained().unwrap()[1];
            assert!((contrast.explained().unwrap()[1] - explained).abs() < 1e-5);
        }
    }
}
