//! Min pools as Burn modules, which Burn does not have.

use burn::config::Config;
use burn::module::Module;
use burn::nn::pool::{MaxPool1d, MaxPool1dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::tensor::Tensor;
use burn_backend::Backend;
use xai_core::error::LayerError;
use xai_core::layer::{Layer, Pool};

/// Configuration of a [`MinPool1d`].
#[derive(Config, Debug)]
pub struct MinPool1dConfig {
    /// Elements of a window.
    pub kernel_size: usize,
    /// Distance between windows.
    #[config(default = "kernel_size")]
    pub stride: usize,
    /// Padding, which never wins.
    #[config(default = "PaddingConfig1d::Valid")]
    pub padding: PaddingConfig1d,
    /// Distance between the elements of a window.
    #[config(default = "1")]
    pub dilation: usize,
    /// Rounds the number of windows up.
    #[config(default = "false")]
    pub ceil_mode: bool,
}

impl MinPool1dConfig {
    /// The module.
    ///
    /// # Panics
    /// With a kernel, stride or dilation of 0, as modules of Burn do on settings they cannot use.
    pub fn init(&self) -> MinPool1d {
        let sizes = [self.kernel_size, self.stride, self.dilation];
        assert!(!sizes.contains(&0), "{self:?} needs kernel, stride and dilation of at least 1");
        let pool = MaxPool1dConfig::new(self.kernel_size)
            .with_stride(self.stride)
            .with_padding(self.padding.clone())
            .with_dilation(self.dilation)
            .with_ceil_mode(self.ceil_mode);
        MinPool1d { pool: pool.init() }
    }
}

/// The smallest element of each window: `-max_pool(-x)`.
#[derive(Module, Clone, Debug)]
pub struct MinPool1d {
    /// The windows.
    pub pool: MaxPool1d,
}

impl MinPool1d {
    /// `[batch, channels, length]` to `[batch, channels, windows]`.
    pub fn forward<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.pool.forward(x.neg()).neg()
    }
}

/// Configuration of a [`MinPool2d`].
#[derive(Config, Debug)]
pub struct MinPool2dConfig {
    /// Height and width of a window.
    pub kernel_size: [usize; 2],
    /// Distances between windows.
    #[config(default = "kernel_size")]
    pub strides: [usize; 2],
    /// Padding, which never wins.
    #[config(default = "PaddingConfig2d::Valid")]
    pub padding: PaddingConfig2d,
    /// Distances between the elements of a window.
    #[config(default = "[1, 1]")]
    pub dilation: [usize; 2],
    /// Rounds the number of windows up.
    #[config(default = "false")]
    pub ceil_mode: bool,
}

impl MinPool2dConfig {
    /// The module.
    ///
    /// # Panics
    /// With a kernel, stride or dilation of 0, as modules of Burn do on settings they cannot use.
    pub fn init(&self) -> MinPool2d {
        let sizes = [self.kernel_size, self.strides, self.dilation].concat();
        assert!(!sizes.contains(&0), "{self:?} needs kernel, stride and dilation of at least 1");
        let pool = MaxPool2dConfig::new(self.kernel_size)
            .with_strides(self.strides)
            .with_padding(self.padding.clone())
            .with_dilation(self.dilation)
            .with_ceil_mode(self.ceil_mode);
        MinPool2d { pool: pool.init() }
    }
}

/// The smallest element of each window: `-max_pool(-x)`.
#[derive(Module, Clone, Debug)]
pub struct MinPool2d {
    /// The windows.
    pub pool: MaxPool2d,
}

impl MinPool2d {
    /// `[batch, channels, height, width]` to `[batch, channels, height out, width out]`.
    pub fn forward<B: Backend>(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.pool.forward(x.neg()).neg()
    }
}

/// The min pool with the windows of a max pool.
fn minimum<B: Backend>(max: Layer<B>) -> Layer<B> {
    match max {
        Layer::Pool(pool) => Pool::min(pool.geometry().clone()).into(),
        other => other,
    }
}

impl<B: Backend> TryFrom<&MinPool1d> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &MinPool1d) -> Result<Self, LayerError> {
        Ok(minimum(Layer::try_from(&module.pool)?))
    }
}

impl<B: Backend> TryFrom<&MinPool2d> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &MinPool2d) -> Result<Self, LayerError> {
        Ok(minimum(Layer::try_from(&module.pool)?))
    }
}
