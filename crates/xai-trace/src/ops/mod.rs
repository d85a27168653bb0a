//! Delegation of every backend operation to the inner backend.
//!
//! Operations are listed one row per *signature*, many methods per row:
//!
//! ```text
//! (lhs: F, rhs: F) -> F { float_add = Op::Add, float_matmul, float_powf }
//! ```
//!
//! The argument kinds `F`, `VF`, `OF`, `RF` and `TP` are float tensors (plain, in a `Vec`, in an
//! `Option`, behind `&`, in a `TensorPrimitive`), `M`, `VM`, `OM` and `RM` masks, `I`, `VI` and `RI` int
//! tensors; any other type is passed on. A method returning
//! a float tensor records `= op`, or an unsupported operation of its own name where none is
//! given, but only if one of its float arguments depends on a graph input. Methods that Burn provides a body
//! for are delegated as well: else a softmax would be recorded as the primitives of that body, and
//! the inner backend's own, faster version would not run. `missing_trait_methods` keeps the lists
//! complete when a new Burn adds one.
//!
//! A float tensor that leaves the float world (into host data, an int tensor, or a quantized one) is
//! no longer followed: what is computed from there is a constant of the graph, and the recording is
//! known to hold for this input alone. A bool tensor still
//! knows that it depends on a graph input, so that a float tensor made by it is recorded.

mod float;
mod int_bool;
mod module;
mod quantized;
mod steps;
#[cfg(test)]
mod tests;

/// `(arg: kind, ...) -> ret { method, method = Op, ... }` rows to trait methods.
macro_rules! delegate {
    () => {};
    ($args:tt -> F { $($name:ident $(= $op:expr)?),* } $($rest:tt)*) => {
        $(method! { [$name F $($op)?] [] [] [] $args })*
        delegate! { $($rest)* }
    };
    ($args:tt -> (F, I) { $($name:ident),* } $($rest:tt)*) => {
        $(method! { [$name (F, I)] [] [] [] $args })*
        delegate! { $($rest)* }
    };
    ($args:tt -> TP { $($name:ident),* } $($rest:tt)*) => {
        $(method! { [$name TP] [] [] [] $args })*
        delegate! { $($rest)* }
    };
    ($args:tt -> M { $($name:ident $(= $comparison:expr)?),* } $($rest:tt)*) => {
        $(method! { [$name M $($comparison)?] [] [] [] $args })*
        delegate! { $($rest)* }
    };
    ($args:tt -> I { $($name:ident),* } $($rest:tt)*) => {
        $(method! { [$name I] [] [] [] $args })*
        delegate! { $($rest)* }
    };
    ($args:tt -> (Q, I) { $($name:ident),* } $($rest:tt)*) => {
        $(method! { [$name (Q, I)] [] [] [] $args })*
        delegate! { $($rest)* }
    };
    ($args:tt -> (I, I) { $($name:ident),* } $($rest:tt)*) => {
        $(method! { [$name (I, I)] [] [] [] $args })*
        delegate! { $($rest)* }
    };
    ($args:tt -> $ret:ty { $($name:ident),* } $($rest:tt)*) => {
        $(method! { [$name @ $ret] [] [] [] $args })*
        delegate! { $($rest)* }
    };
}

/// `[head] [signature] [call] [float arguments] (arguments left)`.
///
/// Statements are built in the last step only: a local made there is invisible to fragments of
/// the steps before it, so those collect nothing but the names of the arguments.
macro_rules! method {
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: F $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: TracedTensor<B>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: VF $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: Vec<TracedTensor<B>>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: OF $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: Option<TracedTensor<B>>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: TP $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: TensorPrimitive<Self>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: RF $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: &TracedTensor<B>,] [$($c)* &$n.primitive,] [$($f)*] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: M $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: TracedMask<B>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: I $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: TracedInt<B>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: VI $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: Vec<TracedInt<B>>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: RI $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: &TracedInt<B>,] [$($c)* &$n.primitive,] [$($f)*] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: VM $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: Vec<TracedMask<B>>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: OM $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: Option<TracedMask<B>>,] [$($c)* $n.inner(),] [$($f)* $n] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: RM $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: &TracedMask<B>,] [$($c)* &$n.primitive,] [$($f)*] ($($($r)*)?) }
    };
    ($h:tt [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ($n:ident: $t:ty $(, $($r:tt)*)?)) => {
        method! { $h [$($s)* $n: $t,] [$($c)* $n,] [$($f)*] ($($($r)*)?) }
    };
    ([$n:ident F] $s:tt $c:tt $f:tt ()) => {
        method! { [$n F Op::Unsupported(stringify!($n))] $s $c $f () }
    };
    ([$n:ident F $op:expr] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> TracedTensor<B> {
            let call = Call::<B>::new(&[$($f.is_tracked()),*])$(.arg(&$f))*;
            let op = call.op(|| $op);
            call.finish(op, B::$n($($c)*))
        }
    };
    ([$n:ident (F, I)] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> (TracedTensor<B>, TracedInt<B>) {
            let call = Call::<B>::new(&[$($f.is_tracked()),*])$(.arg(&$f))*;
            let op = call.op(|| Op::Unsupported(stringify!($n)));
            crate::reads::note(&[$($f.is_tracked()),*]);
            let (float, other) = B::$n($($c)*);
            (call.finish(op, float), TracedInt::constant(other))
        }
    };
    ([$n:ident TP] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> TensorPrimitive<Self> {
            let call = Call::<B>::new(&[$($f.is_tracked()),*])$(.arg(&$f))*;
            let op = call.op(|| Op::Unsupported(stringify!($n)));
            match B::$n($($c)*) {
                TensorPrimitive::Float(t) => TensorPrimitive::Float(call.finish(op, t)),
                TensorPrimitive::QFloat(q) => TensorPrimitive::QFloat(q),
            }
        }
    };
    ([$n:ident M] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> TracedMask<B> {
            let depends = [$(Argument::<B>::is_tracked(&$f)),*].contains(&true);
            TracedMask::computed(depends, B::$n($($c)*))
        }
    };
    ([$n:ident M $comparison:expr] [$($s:tt)*] [$($c:tt)*] [$f:ident] ()) => {
        fn $n($($s)*) -> TracedMask<B> {
            let source = MaskSource::comparison(&$f, $comparison);
            TracedMask { primitive: B::$n($($c)*), source }
        }
    };
    ([$n:ident I] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> TracedInt<B> {
            crate::reads::note(&[$(Argument::<B>::is_tracked(&$f)),*]);
            let origins = [$(HasOrigin::<B>::origin(&$f)),*];
            TracedInt::computed(origins, B::$n($($c)*))
        }
    };
    ([$n:ident (Q, I)] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> (QuantizedTensor<B>, TracedInt<B>) {
            let (values, places) = B::$n($($c)*);
            (values, TracedInt::constant(places))
        }
    };
    ([$n:ident (I, I)] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> (TracedInt<B>, TracedInt<B>) {
            let origins = [$(HasOrigin::<B>::origin(&$f)),*];
            let (first, second) = B::$n($($c)*);
            (TracedInt::computed(origins.clone(), first), TracedInt::computed(origins, second))
        }
    };
    ([$n:ident @ $r:ty] [$($s:tt)*] [$($c:tt)*] [$($f:ident)*] ()) => {
        fn $n($($s)*) -> $r {
            crate::reads::note(&[$(Argument::<B>::is_tracked(&$f)),*]);
            B::$n($($c)*)
        }
    };
}

/// Methods that may have no layer, with Burn's own derivative: each argument with its kind, as above, and any
/// other type in brackets.
macro_rules! derived {
    ($($name:ident($($arg:ident: $kind:tt),*) = $op:expr;)*) => {$(
        fn $name($($arg: argument!($kind)),*) -> TracedTensor<B> {
            let call = Call::<B>::new(&[$(argument!($kind tracked $arg)),*]);
            $(let call = argument!($kind note $arg call);)*
            let op = call.op(|| $op);
            let derivative = derivative(&call, {
                $(let $arg = argument!($kind kept $arg);)*
                move |floats| {
                    Some(Autodiff::<B>::$name($(argument!($kind given $arg floats)),*))
                }
            });
            call.finish_with(op, derivative, B::$name($(argument!($kind inner $arg)),*))
        }
    )*};
}

/// What becomes of an argument of a `derived!` method: its type, whether it depends on a graph input, how the call
/// notes it, what a derivative keeps of it, how it is given to autodiff and to the inner backend.
macro_rules! argument {
    (F) => { TracedTensor<B> };
    (F tracked $arg:ident) => { $arg.is_tracked() };
    (F note $arg:ident $call:ident) => { $call.arg(&$arg) };
    (F kept $arg:ident) => { () };
    (F given $arg:ident $floats:ident) => {{ let () = $arg; $floats.next()? }};
    (F inner $arg:ident) => { $arg.inner() };
    (OF) => { Option<TracedTensor<B>> };
    (OF tracked $arg:ident) => { $arg.is_tracked() };
    (OF note $arg:ident $call:ident) => { $call.arg(&$arg) };
    (OF kept $arg:ident) => { $arg.is_some() };
    (OF given $arg:ident $floats:ident) => { if $arg { Some($floats.next()?) } else { None } };
    (OF inner $arg:ident) => { $arg.inner() };
    (I) => { TracedInt<B> };
    (I tracked $arg:ident) => { false };
    (I note $arg:ident $call:ident) => { $call };
    (I kept $arg:ident) => { $arg.clone().inner() };
    (I given $arg:ident $floats:ident) => { $arg.clone() };
    (I inner $arg:ident) => { $arg.inner() };
    ([$type:ty]) => { $type };
    ([$type:ty] tracked $arg:ident) => { false };
    ([$type:ty] note $arg:ident $call:ident) => { $call };
    ([$type:ty] kept $arg:ident) => { $arg.clone() };
    ([$type:ty] given $arg:ident $floats:ident) => { $arg.clone() };
    ([$type:ty] inner $arg:ident) => { $arg };
}

use {argument, delegate, derived, method};
