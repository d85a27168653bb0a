//! Small transformers with the weights of networks of the library `transformers`, and the explanations that LXT 2.1,
//! autoLRP 0.2 and the formulas of the papers give of them: scripts/reference-transformers.py, which prints how far
//! these are from each other. Run with `--nocapture` for how far they are from this library.
//!
//! autoLRP's own presets are no reference: its rules for sums, biases, layer norms, activations (in AttnLRP),
//! convolutions (in AttnLRP) and gated products are others than those of the papers, and its relevance is off by
//! 0.6 to 1.1. What is compared, `autolrp-*-signed`, has these exchanged for the papers' by the script: the products,
//! softmaxes, masks, rotary embeddings and the order of it all are autoLRP's.

mod bert;
mod data;
mod llama;
mod vit;

use burn::tensor::{Bool, Int, Tensor};
use burn_flex::Flex;
use burn_xai::attributor::{Attribution, Attributor, Lrp, Saliency};
use burn_xai::composite::{Composite, Presets};
use burn_xai::error::RuleError;
use burn_xai::graph::NodeView;
use burn_xai::layer::{LayerKind, Saved};
use burn_xai::model::{Model, Target};
use burn_xai::record;
use burn_xai::rule::{BoundRule, PropagationRule, Rule, SignalTakesAll};
use burn_xai::trace::Traced;

use bert::Bert;
use data::File;
use llama::Llama;
use vit::Vit;

type F<const D: usize> = Tensor<Traced<Flex>, D>;
type I<const D: usize> = Tensor<Traced<Flex>, D, Int>;
type P<const D: usize> = Tensor<Traced<Flex>, D, Bool>;

const LAYERS: usize = 2;
const HEADS: usize = 4;
const WIDTH: usize = 16;
const CLASS: usize = 1;

const BERT: File = File(include_bytes!("data/bert.safetensors"));
const LLAMA: File = File(include_bytes!("data/llama.safetensors"));
const VIT: File = File(include_bytes!("data/vit.safetensors"));

/// Of the scores, absolute.
const OUTPUT: f64 = 1e-5;
/// Of relevance and gradient, against the largest element; measured: 1.1e-6. The references are of double precision,
/// this is single.
const RELEVANCE: f64 = 1e-5;

/// LXT's efficient form, autoLRP and the formulas divide by nothing that is stabilized. (LXT's explicit form does, by
/// 1e-6 without the sign, which moves its relevance by 2e-4; compared is the same form with an epsilon of 0. The
/// default 1e-6 of this library moves relevance by 1e-4 to 6e-4 here.)
fn presets() -> Presets {
    Presets { epsilon: 0.0.into(), stabilizer: 0.0.into(), ..Presets::default() }
}

fn gap(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0f64, |largest, x| largest.max(x.abs()));
    let off = got.iter().zip(want).map(|(a, b)| (a - b).abs());
    off.fold(0.0, |most, off| if off.is_nan() { f64::INFINITY } else { most.max(off) }) / largest
}

fn numbers<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Of tokens: the sum over their embeddings.
fn by_token(relevance: &[f64]) -> Vec<f64> {
    relevance.chunks(WIDTH).map(|token| token.iter().sum()).collect()
}

struct Reference {
    name: &'static str,
    file: File,
}

impl Reference {
    fn scores(&self, got: Tensor<Flex, 2>) {
        let want = self.file.numbers("output");
        let off = numbers(got).iter().zip(&want).fold(0f64, |most, (a, b)| most.max((a - b).abs()));
        println!("{:6} scores off by {off:.1e}", self.name);
        assert!(off <= OUTPUT, "{}: scores off by {off:e}", self.name);
    }

    fn values(&self, what: &str, got: &[f64], reference: &str, of: impl Fn(&[f64]) -> Vec<f64>) {
        let off = gap(got, &of(&self.file.numbers(&format!("relevance.{reference}"))));
        println!("{:6} {what:24} off by {off:.1e} from {reference}", self.name);
        assert!(off <= RELEVANCE, "{}: {what} off by {off:e} from {reference}", self.name);
    }

    fn relevance<const D: usize>(&self, attribution: &Attribution<Flex>, what: &str, references: &[&str]) {
        let got = numbers(attribution.relevance_of::<D>(0).unwrap());
        references.iter().for_each(|reference| self.values(what, &got, reference, <[f64]>::to_vec));
    }

    /// Of ids.
    fn tokens(&self, attribution: &Attribution<Flex>, what: &str, references: &[&str]) {
        let got = numbers(attribution.relevance_of::<2>(0).unwrap());
        let what = format!("{what}, ids");
        references.iter().for_each(|reference| self.values(&what, &got, reference, by_token));
    }
}

fn composites() -> [(&'static str, Composite); 2] {
    [("attn", presets().attn_lrp()), ("cp", presets().cp_lrp())]
}

#[test]
fn bert_as_lxt_and_autolrp_explain_it() {
    let reference = Reference { name: "bert", file: BERT };
    let net = Bert::<Flex>::load(BERT);
    let (words, ids) = (BERT.floats::<Flex, 3>("input.given"), BERT.ints::<Flex, 2>("input.ids"));
    let padding = BERT.ints::<Flex, 2>("input.mask").equal_elem(0);
    reference.scores(net.forward(ids.clone(), padding.clone()));

    let embedded = record(&net, |net, (x, padding): (F<3>, P<2>)| net.encode(x, padding));
    let spoken = record(&net, |net, (ids, padding): (I<2>, P<2>)| net.forward(ids, padding));
    let target = || Target::class(CLASS);
    // LXT has no CP-LRP for BERT.
    let references = [
        &["formula-attn", "lxt-attn", "lxt-attn-sdpa", "lxt-explicit-attn-eps0", "autolrp-attn-signed"][..],
        &["formula-cp", "autolrp-cp-signed"],
    ];
    for ((what, composite), references) in composites().into_iter().zip(references) {
        let attribution = Lrp::new(&embedded, composite.clone());
        let attribution = attribution.attribute((words.clone(), padding.clone()), target()).unwrap();
        reference.relevance::<3>(&attribution, what, references);
        let attribution = Lrp::new(&spoken, composite);
        let attribution = attribution.attribute((ids.clone(), padding.clone()), target()).unwrap();
        reference.tokens(&attribution, what, references);
    }
    let attribution = Saliency::new(&embedded).attribute((words, padding), target()).unwrap();
    reference.relevance::<3>(&attribution, "gradient", &["gradient"]);
}

/// All relevance of a gated product to the second factor, as LXT's variant of CP-LRP has it.
#[derive(Debug)]
struct UpTakesAll;

impl PropagationRule<Flex> for UpTakesAll {
    fn bind(&self, node: &NodeView<'_, Flex>) -> Result<BoundRule<Flex>, RuleError> {
        // SiLU's own product: its sigmoid is a gate.
        if node.gates().next().is_some() {
            return SignalTakesAll::default().bind(node);
        }
        Ok(BoundRule::new(Saved::NOTHING, |_, relevance| {
            Ok(vec![relevance.full_like(&relevance.dims(), 0.0), relevance])
        }))
    }
}

#[test]
fn llama_as_lxt_and_autolrp_explain_it() {
    let reference = Reference { name: "llama", file: LLAMA };
    let net = Llama::<Flex>::load(LLAMA);
    let (words, ids) = (LLAMA.floats::<Flex, 3>("input.given"), LLAMA.ints::<Flex, 2>("input.ids"));
    reference.scores(net.forward(ids.clone()));

    let embedded = record(&net, |net, x: F<3>| net.decode(x));
    let spoken = record(&net, |net, ids: I<2>| net.forward(ids));
    let explain = |model: &Model<Flex>, composite: &Composite| {
        Lrp::new(model, composite.clone()).with_rule("up-takes-all", UpTakesAll)
    };
    let [(_, attn), (_, cp)] = composites();
    // Ali et al. have no rule for SwiGLU. Its first factor, an output of SiLU, is no gate from 0 to 1, so that
    // `SignalTakesAll` gives half to each; LXT gives the second all.
    let gated = cp.clone().prepend(LayerKind::Mul, Rule::custom("up-takes-all"));
    for (what, composite, references) in [
        ("attn", attn, &["formula-attn", "lxt-attn", "lxt-explicit-attn-eps0", "autolrp-attn-signed"][..]),
        ("cp", cp, &["formula-cp-half", "autolrp-cp-signed"]),
        ("cp, all to `up`", gated, &["formula-cp", "lxt-cp"]),
    ] {
        let attribution = explain(&embedded, &composite).attribute(words.clone(), Target::class(CLASS));
        reference.relevance::<3>(&attribution.unwrap(), what, references);
        let attribution = explain(&spoken, &composite).attribute(ids.clone(), Target::class(CLASS));
        reference.tokens(&attribution.unwrap(), what, references);
    }
    let attribution = Saliency::new(&embedded).attribute(words, Target::class(CLASS)).unwrap();
    reference.relevance::<3>(&attribution, "gradient", &["gradient"]);
}

#[test]
fn vit_as_lxt_and_autolrp_explain_it() {
    let reference = Reference { name: "vit", file: VIT };
    let net = Vit::<Flex>::load(VIT);
    let images = VIT.floats::<Flex, 4>("input.given");
    reference.scores(net.forward(images.clone()));

    let model = record(&net, |net, x: F<4>| net.forward(x));
    // LXT's own map for vision is of torchvision's network, and of CP-LRP only; the others are of its patches.
    let references = [
        &["formula-attn", "lxt-attn", "lxt-explicit-attn-eps0", "autolrp-attn-signed"][..],
        &["formula-cp", "lxt-cp", "lxt-cp-torchvision", "autolrp-cp-signed"],
    ];
    for ((what, composite), references) in composites().into_iter().zip(references) {
        let attribution = Lrp::new(&model, composite).attribute(images.clone(), Target::class(CLASS));
        reference.relevance::<4>(&attribution.unwrap(), what, references);
    }
    let attribution = Saliency::new(&model).attribute(images, Target::class(CLASS)).unwrap();
    reference.relevance::<4>(&attribution, "gradient", &["gradient"]);
}
