//! Composites in files: mistakes are named with their parameter, and what is read can be written again.

use burn_xai::composite::Composite;
use burn_xai::kmeans::ClusterRule;
use burn_xai::rule::{Bound, Rule, Stabilizer};

/// The message for an entry of a TOML file with these parameters.
fn refused(parameters: &str) -> String {
    let text = format!("name = 'mine'\n[[entries]]\nmatch = 'any'\n{parameters}\n");
    toml::from_str::<Composite>(&text).expect_err(parameters).to_string()
}

#[test]
fn numbers_in_quotes_name_their_parameter_and_the_forms() {
    for (parameters, says) in [
        ("rule = 'epsilon'\nepsilon = '1e-6'", "`epsilon`"),
        ("rule = 'epsilon'\nepsilon = { epsilon = '1e-6' }", "for `epsilon` a finite number"),
        ("rule = 'flat'\nstabilizer = { epsilon = 1, clip = 1 }", "expected a boolean"),
        ("rule = 'flat'\nstabilizer = { epsilon = 1, rms = 'x' }", "`rms` must be true, false or a list"),
        ("rule = 'flat'\nstabilizer = { epsilom = 1 }", "unknown field `epsilom`"),
        ("rule = 'flat'\nstabilizer = { clip = true }", "missing field `epsilon`"),
        ("rule = 'gamma'\ngamma = '0.25'", "for `gamma` a finite number"),
        ("rule = 'gamma'\ngamma = { gamma = 0.25 }", "for `gamma` a finite number"),
        ("rule = 'z-box'\nlow = '0'\nhigh = 1", "`low`"),
        ("rule = 'z-box'\nlow = 0\nhigh = { dims = [3], value = [1] }", "unknown field `value`"),
    ] {
        let message = refused(parameters);
        assert!(message.contains(says), "`{says}` is missing in: {message}");
    }
    let message = serde_json::from_str::<Stabilizer>(r#"{"epsilon":"1e-6"}"#).unwrap_err().to_string();
    for part in ["`epsilon`", "\"1e-6\"", "a finite number", "table { epsilon, clip, rms }"] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

#[test]
fn nothing_is_read_by_position() {
    for parameters in
        ["rule = 'flat'\nstabilizer = [0.5, true]", "rule = 'z-box'\nlow = 0\nhigh = [[3, 1, 1], [1, 1, 1]]"]
    {
        assert!(refused(parameters).contains("sequence, expected for a "), "{}", refused(parameters));
    }
}

#[test]
fn numbers_that_are_not_finite_are_not_read() {
    for number in ["nan", "-nan", "inf", "-inf"] {
        for parameters in [
            "rule = 'epsilon'\nepsilon = N",
            "rule = 'flat'\nstabilizer = { epsilon = N }",
            "rule = 'gamma'\ngamma = N",
            "rule = 'alpha-beta'\nalpha = N",
            "rule = 'alpha-beta'\nbeta = N",
            "rule = 'takes-most'\nbeta = N",
            "rule = 'relu-beta-smooth'\nbeta = N",
            "rule = 'z-box'\nlow = N\nhigh = 1",
            "rule = 'z-box'\nlow = 0\nhigh = { dims = [1], values = [N] }",
        ] {
            let message = refused(&parameters.replace('N', number));
            assert!(message.contains("finite number"), "{parameters}: {message}");
        }
        for rule in
            ["beta = N\nlinear = 'midpoint'\nepsilon = 1", "beta = 1\nlinear = 'epsilon'\nepsilon = N"]
        {
            let error = toml::from_str::<ClusterRule>(&rule.replace('N', number)).unwrap_err();
            assert!(error.to_string().contains("finite number"), "{error}");
        }
    }
}

#[test]
fn both_forms_are_read_and_written_the_same() {
    let table = Bound::Tensor { dims: vec![2, 1, 1], values: vec![-1.0, 2.5] };
    for (text, bound) in [("3", Bound::Number(3.0)), (r#"{"dims":[2,1,1],"values":[-1.0,2.5]}"#, table)] {
        assert_eq!(serde_json::from_str::<Bound>(text).unwrap(), bound);
        let text = serde_json::to_string(&bound).unwrap();
        assert_eq!(serde_json::from_str::<Bound>(&text).unwrap(), bound);
    }
    let scaled = Stabilizer::from(0.5).with_rms_over([1]);
    for (text, stabilizer) in [
        ("-2", Stabilizer::from(-2.0)),
        (r#"{"epsilon":0.5,"rms":[1]}"#, scaled),
        (r#"{"epsilon":1,"clip":true,"rms":true}"#, Stabilizer::from(1.0).with_clip().with_rms()),
    ] {
        assert_eq!(serde_json::from_str::<Stabilizer>(text).unwrap(), stabilizer);
    }
    let rule: Rule = toml::from_str("rule = 'epsilon'\nepsilon = 0.5").unwrap();
    assert_eq!(rule.to_string(), "epsilon(epsilon=0.5)");
}
