//! The head against the layers it stands for.

use super::*;

#[test]
fn relevance_of_every_cluster_passes_head_and_linear_layer_alike() {
    let (mu, x, relevance) = (numbers(6, 4, 1), numbers(5, 4, 2), numbers(5, 6, 3));
    for (double, tolerance) in [(true, 1e-9), (false, 5e-3)] {
        for rule in rules(0.3) {
            let head = ClusterHead::new(value(&mu, double)).unwrap();
            let head =
                explainer(head.into(), ClusterRule::entry()).with_rule(ClusterRule::NAME, rule.clone());
            let head =
                head.attribute(tensor(&x, double), Target::relevance(value(&relevance, double))).unwrap();

            let linear = NeuralizedKMeansLayer::new(value(&mu, double)).unwrap();
            let serving = match rule.linear {
                LinearRule::Midpoint { .. } => Midpoint::entry(),
                LinearRule::Epsilon { epsilon } => Epsilon::new(epsilon).into(),
                _ => unreachable!("the two rules above"),
            };
            // What a min pool under TakesMost passes on.
            let shares = |(x, relevance): (&Vec<f64>, &Vec<f64>)| -> Vec<f64> {
                let clusters = competitors(x, &mu, rule.beta).into_iter().zip(relevance);
                clusters.flat_map(|(of, r)| of.into_iter().map(move |(_, _, share)| share * r)).collect()
            };
            let hidden: Rows = x.iter().zip(&relevance).map(shares).collect();
            let hidden = value(&hidden, double).reshape(&[5, 6, 5]);
            let linear = explainer(Layer::custom(linear), serving);
            let linear = linear.attribute(tensor(&x, double), Target::relevance(hidden)).unwrap();

            let (by_head, by_linear) = (head.relevance().unwrap(), linear.relevance().unwrap());
            for (n, (x, relevance)) in x.iter().zip(&relevance).enumerate() {
                let expected = by_pairs(x, &mu, relevance, &rule);
                assert_close(&read(&by_head)[n], &expected, tolerance, "head");
                assert_close(&read(&by_linear)[n], &expected, tolerance, "linear layer");
            }
            if double {
                for row in [&head, &linear].into_iter().flat_map(|a| a.ledger().unwrap().rows()) {
                    assert!(row.unexplained().iter().all(|rest| rest.abs() < 1e-7), "{row:?}");
                }
            }
        }
    }
}

/// Linear layer, min pool and flattening, with a rule each.
fn layers(mu: &Rows, linear: Rule, beta: f64) -> Lrp<Flex> {
    let composite = Composite::new("layers")
        .append(LayerKind::Linear, linear)
        .append(LayerKind::MinPool, TakesMost::new(beta))
        .append(LayerKind::Reshape, Pass);
    let distance = CentroidDistance::new(value(mu, true), Power::Two).unwrap();
    let canonizers: Vec<Box<dyn Canonizer<Flex>>> = vec![Box::new(KMeansCanonizer::layers())];
    let model = Model::from(graph(distance.into(), mu[0].len())).with_canonizers(canonizers);
    Lrp::new(&model, composite).with_rule(Midpoint::NAME, Midpoint::default()).with_ledger()
}

fn head(mu: &Rows, rule: ClusterRule) -> Lrp<Flex> {
    let head = ClusterHead::new(value(mu, true)).unwrap();
    let composite = Composite::new("head").append(Matcher::Any, ClusterRule::entry());
    let model = Model::from(graph(head.into(), mu[0].len()));
    Lrp::new(&model, composite).with_rule(ClusterRule::NAME, rule).with_ledger()
}

/// The rules of linear layers, with what stands for each in a head.
fn linear_rules(beta: f64) -> Vec<(Rule, ClusterRule)> {
    let epsilon = Epsilon::default();
    let others: [Rule; 8] = [
        epsilon.clone().into(),
        Epsilon { zero_bias: true, ..epsilon.clone() }.into(),
        ZPlus::default().into(),
        AlphaBeta::default().into(),
        Gamma { stabilizer: Stabilizer::from(1e-3).with_clip(), ..Gamma::default() }.into(),
        ZBox::new(-2.0, 2.0).into(),
        WSquare::default().into(),
        Flat::default().into(),
    ];
    let others = others.map(|rule| (rule.clone(), ClusterRule::other(beta, rule)));
    let own =
        [(Midpoint::entry(), ClusterRule::midpoint(beta)), (epsilon.into(), ClusterRule::epsilon(beta))];
    own.into_iter().chain(others).collect()
}

#[test]
fn head_and_layers_give_the_same() {
    for (clusters, features, points) in [(2, 3, 4), (6, 4, 9), (25, 2, 30)] {
        let (mu, x) = (numbers(clusters, features, 1), tensor(&numbers(points, features, 2), true));
        let every = value(&numbers(points, clusters, 3), true);
        for (linear, rule) in linear_rules(0.6) {
            let (layers, head) = (layers(&mu, linear.clone(), 0.6), head(&mu, rule));
            for target in [Target::argmax(), Target::class(1), Target::relevance(every.clone())] {
                let by_layers = layers.attribute(x.clone(), target.clone()).unwrap();
                let by_head = head.attribute(x.clone(), target).unwrap();
                let rows = |by: &Attribution<Flex>| read(&by.relevance().unwrap()).concat();
                assert_close(&rows(&by_head), &rows(&by_layers), 1e-8, &linear.to_string());
                let row = &by_head.ledger().unwrap().rows()[0];
                let scale =
                    row.bias.iter().chain(&row.passed).fold(1.0f64, |scale, part| scale.max(part.abs()));
                for rest in row.unexplained() {
                    assert!(rest.abs() <= 1e-9 * scale, "{linear}: {row:?}");
                }
            }
        }
    }
}

#[test]
fn competitors_come_in_blocks() {
    // 2^20 / 100,000 = 10 competitors a block.
    let (mu, x) = (numbers(13, 100_000, 1), tensor(&numbers(2, 100_000, 2), true));
    for rule in [Rule::from(Gamma::default()), ZPlus::default().into()] {
        let by_layers = layers(&mu, rule.clone(), 0.1).attribute(x.clone(), Target::classes([0, 7])).unwrap();
        let by_head =
            head(&mu, ClusterRule::other(0.1, rule)).attribute(x.clone(), Target::classes([0, 7])).unwrap();
        let rows = |by: &Attribution<Flex>| read(&by.relevance().unwrap()).concat();
        assert_close(&rows(&by_head), &rows(&by_layers), 1e-8, "relevance");
    }
}

#[test]
fn other_rules_explain_without_a_network_too() {
    let (mu, x) = (numbers(5, 4, 1), numbers(6, 4, 2));
    for (linear, rule) in linear_rules(0.6) {
        let explainer = ClusterExplainer::new(tensor(&mu, true), rule).unwrap();
        let assigned = explainer.attribute(tensor(&x, true), Target::argmax()).unwrap();
        let by_layers =
            layers(&mu, linear.clone(), 0.6).attribute(tensor(&x, true), Target::argmax()).unwrap();
        let rows = |relevance: &Tensor<Flex, 2>| read(relevance).concat();
        let expected = rows(&by_layers.relevance().unwrap());
        assert_close(&rows(&assigned.relevance().unwrap()), &expected, 1e-8, &linear.to_string());

        // Two clusters are each other's only competitor.
        let pair = vec![mu[3].clone(), mu[1].clone()];
        let contrast = Target::contrast(3, 1);
        let contrast = explainer.attribute(tensor(&x, true), contrast).unwrap();
        let alone = layers(&pair, linear.clone(), 0.6);
        let graph = graph(Layer::custom(NeuralizedKMeansLayer::new(value(&pair, true)).unwrap()), 4);
        let h =
            graph.forward(&[value(&x, true)]).unwrap().slice(&[(0..6).into(), (0..1).into(), (0..1).into()]);
        let h = h.reshape(&[6, 1]);
        let seed = Value::cat(vec![h.clone(), h.full_like(&[6, 1], 0.0)], 1);
        let expected = alone.attribute(tensor(&x, true), Target::relevance(seed)).unwrap();
        let expected = rows(&expected.relevance().unwrap());
        assert_close(&rows(&contrast.relevance().unwrap()), &expected, 1e-8, &linear.to_string());
    }
}

#[test]
fn rules_that_cannot_work_in_blocks_are_refused() {
    let mu = numbers(3, 4, 1);
    let refusal = |rule: Rule| {
        let error = ClusterExplainer::new(tensor(&mu, true), ClusterRule::other(1.0, rule)).unwrap_err();
        let KMeansError::Rule(_) = error else { panic!("{error:?}") };
        error.to_string()
    };
    let scaled = ZPlus { stabilizer: Stabilizer::from(0.1).with_rms(), ..ZPlus::default() };
    assert!(refusal(scaled.into()).contains("scales with all denominators"));
    assert!(refusal(Norm::default().into()).contains("takes epsilon, z-plus"));
    assert!(refusal(Gamma { gamma: -1.0, ..Gamma::default() }.into()).contains("`gamma` is -1"));
    assert!(refusal(Midpoint::entry()).contains("takes epsilon, z-plus"));
}

#[test]
fn rules_are_data() {
    for (_, rule) in linear_rules(0.25) {
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<ClusterRule>(&text).unwrap(), rule, "{text}");
    }
}
