use super::super::imputation::Imputation;
use super::*;

/// Places of the 18 highest of `numbers(30, 8)`.
const MISSING: [usize; 18] = [0, 1, 3, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 18, 21, 22, 23, 24];

/// `y = sum x` of images of 2 channels, 4x3.
fn sum() -> Model<Flex> {
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2, 4, 3]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[x]).unwrap();
    let y = Linear::new(value(vec![1.0; 24], &[24, 1]), None).unwrap();
    let y = graph.push("y", y, &[flat]).unwrap();
    graph.finish(y).unwrap().into()
}

#[test]
fn missing_pixels_are_the_mean_of_their_neighbours() {
    // By `numpy.linalg.solve` of the dense system, which Quantus' `noisy_linear_imputation` agrees with.
    let expected = [
        ([-0.34132852352027293, -0.3662106401301611, -0.39877609331649966], -6.367007627803587),
        ([-0.38383722834275447, -0.11477212527211625, 0.3180007429707627], -2.5941333347037125),
    ];
    let imputation = Imputation::new(5, 6, MISSING.to_vec());
    for (channel, (first, sum)) in numbers(60, 7).chunks_mut(30).zip(expected) {
        let before = channel.to_vec();
        imputation.fill(channel);
        assert_close(&[channel[0], channel[1], channel[3]], &first);
        assert_close(&[channel.iter().sum()], &[sum]);
        let known = (0..30).filter(|place| !MISSING.contains(place));
        known.for_each(|place| assert_eq!(channel[place], before[place]));
    }
}

#[test]
fn smooth_images_come_back() {
    // A plane is the mean of its neighbours inside, and a constant everywhere.
    let mut plane: Vec<f64> = (0..25).map(|i| (i / 5) as f64 + 2.0 * (i % 5) as f64).collect();
    let before = plane.clone();
    Imputation::new(5, 5, vec![6, 7, 12, 18]).fill(&mut plane);
    assert_close(&plane, &before);
    let mut flat = vec![0.75; 25];
    Imputation::new(5, 5, (1..25).collect()).fill(&mut flat);
    assert_close(&flat, &[0.75; 25]);
}

#[test]
fn a_large_hole_is_solved() {
    let (size, known) = (64, 5);
    let mut channel = numbers(size * size, 3);
    let missing: Vec<_> = (0..size * size).filter(|place| place % 997 != known).collect();
    Imputation::new(size, size, missing.clone()).fill(&mut channel);
    // Each inner pixel is the mean of its neighbours.
    for place in missing {
        let (row, column) = (place / size, place % size);
        if (1..size - 1).contains(&row) && (1..size - 1).contains(&column) {
            let sides = [place - 1, place + 1, place - size, place + size];
            let corners = [place - size - 1, place - size + 1, place + size - 1, place + size + 1];
            let sum = |places: [usize; 4]| places.iter().map(|place| channel[*place]).sum::<f64>();
            assert!((channel[place] - sum(sides) / 6.0 - sum(corners) / 12.0).abs() < 1e-8);
        }
    }
}

#[test]
fn where_all_is_missing_the_mean_is_left() {
    let mut channel = vec![1.0, 2.0, 3.0, 6.0];
    Imputation::new(2, 2, vec![2, 0, 1, 3]).fill(&mut channel);
    assert_eq!(channel, [3.0; 4]);
    let mut alone = vec![5.0];
    Imputation::new(1, 1, vec![0]).fill(&mut alone);
    assert_eq!(alone, [5.0]);
}

#[test]
fn the_most_relevant_pixels_go_whatever_their_channel() {
    // One pixel is 12 in both channels among ones; its relevance is in one channel alone.
    let mut x = vec![1.0; 24];
    let mut relevance = vec![0.0; 24];
    (x[4], x[16], relevance[16]) = (12.0, 12.0, 1.0);
    relevance[0] = 0.75;
    let (x, relevance) = (value(x, &[1, 2, 4, 3]), value(relevance, &[1, 2, 4, 3]));
    let road = Road::new(&sum()).with_noise(0.0).with_percentages([100.0 / 12.0, 0.0, 100.0]);
    let curve = &road.curves(x.clone(), relevance.clone(), 0).unwrap()[0];
    assert_close(&curve.fractions, &[0.0, 1.0 / 12.0, 0.0, 1.0]);
    assert_close(&curve.scores, &[46.0, 24.0, 46.0, 46.0]);
    assert_close(&curve.drops(), &[0.0, 22.0, 0.0, 0.0]);
    // 10 of the 12 pixels have no relevance and are 1; after 11, pixel 4 alone is known.
    let road = road.with_least_relevant_first().with_percentages([75.0, 1100.0 / 12.0]);
    let curve = &road.curves(x, relevance, 0).unwrap()[0];
    assert_close(&curve.scores[2..], &[12.0 * 24.0]);
}

#[test]
fn noise_is_added_to_what_was_imputed() {
    let x = value([vec![0.5; 24], vec![2.0; 24]].concat(), &[2, 2, 4, 3]);
    let relevance = value(numbers(48, 1), &[2, 2, 4, 3]);
    let road = Road::new(&sum()).with_percentages([50.0, 100.0]).with_noise(0.1);
    let curves = road.curves(x.clone(), relevance.clone(), 0).unwrap();
    let one = |x: Value<Flex>| x.slice(&[burn::tensor::Slice::from(0..1)]);
    // The same whatever the batch and its copies.
    let alone = road.clone().with_largest_batch(1).curves(one(x.clone()), one(relevance.clone()), 0).unwrap();
    assert_eq!(alone[0], curves[0]);
    let mut noise = crate::attributor::Noise::new(0, 0, 2);
    for (step, width) in [(1, 12), (2, 24)] {
        let drawn = noise.draw(width);
        for (sample, (whole, drawn)) in [12.0, 48.0].iter().zip(drawn.chunks(width)).enumerate() {
            let expected = whole + 0.1 * drawn.iter().sum::<f64>();
            assert_close(&curves[sample].scores[step..=step], &[expected]);
        }
    }
    assert_ne!(road.with_seed(1).curves(x, relevance, 0).unwrap(), curves);
}

#[test]
fn misfits_are_errors() {
    let (x, model) = (value(numbers(24, 0), &[1, 2, 4, 3]), sum());
    let refused = |road: Road<Flex>| refusal(road.curves(x.clone(), x.clone(), 0));
    let road = || Road::new(&model);
    let parameter = |error: AttributorError| match error {
        AttributorError::Parameter { parameter, .. } => parameter,
        other => panic!("{other}"),
    };
    assert_eq!(parameter(refused(road().with_percentages([]))), "percentages");
    assert_eq!(parameter(refused(road().with_percentages([101.0]))), "percentages");
    assert_eq!(parameter(refused(road().with_percentages([f64::NAN]))), "percentages");
    assert_eq!(parameter(refused(road().with_noise(-1.0))), "noise");
    assert_eq!(parameter(refused(road().with_largest_batch(0))), "largest_batch");
    let nan = value(vec![f64::NAN; 24], &[1, 2, 4, 3]);
    let error = refusal(road().curves(x.clone(), nan, 0));
    assert!(matches!(error, AttributorError::RelevanceNotFinite { .. }));
    let (x, relevance) = samples();
    let error = refusal(Road::new(&linear()).curves(x, relevance, 0));
    assert!(matches!(error, AttributorError::NotAnImage { inputs, .. } if inputs == [[2, 4]]));
}

#[test]
fn a_hole_in_a_black_neighbourhood_is_solved_at_once() {
    // The system has no right side there; only the mean to start from is not 0.
    let (side, width) = (28, 30);
    let hole = (9..19).flat_map(|row| (9..19).map(move |column| row * side + column));
    let imputation = Imputation::new(side, side, hole.collect());
    let (filled, rounds) = imputation.solve(&vec![0.0; width * width], 1.0);
    assert!(filled.iter().all(|x| x.abs() < 1e-9) && rounds < 50, "{rounds}");
}
