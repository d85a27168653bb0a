//! Whatever is in an image file, reading it gives pixels or an error: no panic, no hang, no memory without
//! bound.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;

use explain_image::pixels;
use image::{
    DynamicImage, ExtendedColorType, GrayImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, Rgba,
};
use xai_testkit::mutation::{PeakAlloc, search};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIDE: u32 = 32;

fn no_faults(format: &str, files: &[Vec<u8>], read: impl Fn(&[u8]) -> bool + Send + 'static) {
    for file in files {
        assert!(read(file), "{format}: a file as it should be is refused");
    }
    let counts = search(format, files, read).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(counts.taken > 0 && counts.taken < counts.files, "{counts:?}");
}

fn pictures() -> [DynamicImage; 4] {
    let at = |x: u32, y: u32| (x * 7 + y * 13) as u8;
    [
        ImageBuffer::from_fn(40, 24, |x, y| Rgb([at(x, y), at(y, x), 255])).into(),
        ImageBuffer::from_fn(17, 33, |x, y| Rgba([at(x, y), 0, 9, at(y, x)])).into(),
        ImageBuffer::from_fn(20, 20, |x, y| Luma([u16::from(at(x, y)) * 257])).into(),
        GrayImage::from_fn(64, 48, |x, y| Luma([at(x, y)])).into(),
    ]
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// With the check sums of its chunks put right, so that what is inside them is read.
fn with_check_sums(mut png: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(length) = png.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let Some(chunk) = length.checked_add(at + 8).and_then(|end| png.get(at + 4..end)) else { break };
        let sum = crc32(chunk).to_be_bytes();
        at += 8 + length;
        png.iter_mut().skip(at).zip(sum).for_each(|(old, new)| *old = new);
        at += 4;
    }
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), bit))
}

#[test]
fn mutations_of_png() {
    let files = pictures().map(|picture| encoded(&picture, ImageFormat::Png));
    assert_eq!(with_check_sums(files[0].clone()), files[0]);
    no_faults("PNG", &files, |file| pixels::read(file, SIDE).is_ok());
    no_faults("PNG with check sums", &files, |file| {
        pixels::read(&with_check_sums(file.to_vec()), SIDE).is_ok()
    });
}

#[test]
fn mutations_of_jpeg() {
    let [color, .., grey] = pictures();
    let mut files = [color, grey].map(|picture| encoded(&picture, ImageFormat::Jpeg)).to_vec();
    files.push(include_bytes!("../photos/coffee.jpg").to_vec());
    no_faults("JPEG", &files, |file| pixels::read(file, SIDE).is_ok());
}

/// A picture of one colour, as PNG.
fn plain(width: u32, height: u32, lines: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let data = vec![0; (width * lines) as usize];
    let encoder = image::codecs::png::PngEncoder::new(&mut file);
    encoder.write_image(&data, width, lines, ExtendedColorType::L8).unwrap();
    file[20..24].copy_from_slice(&height.to_be_bytes());
    with_check_sums(file)
}

#[test]
fn images_that_promise_too_much_are_refused() {
    let refused = |width: u32, height: u32| {
        let mut file = plain(1, height, 1);
        file[16..20].copy_from_slice(&width.to_be_bytes());
        // In colour.
        file[25] = 2;
        pixels::read(&with_check_sums(file), SIDE).unwrap_err().to_string()
    };
    for (width, height, says) in [
        (60_000, 60_000, "60000x60000 pixels are more than 64000000"),
        (u32::MAX / 2, 1, "limit exceeded"),
        (9_000, 9_000, "more than 64000000"),
        (8_000, 8_000, "too many for a file of"),
    ] {
        let message = refused(width, height);
        assert!(message.contains(says), "`{says}` is missing in: {message}");
    }
    let mut jpeg = encoded(&pictures()[0], ImageFormat::Jpeg);
    let size = jpeg.windows(4).position(|bytes| bytes == [0, 24, 0, 40]).unwrap();
    for side in [20_000u16, 30_000, 65_535] {
        jpeg[size..size + 2].copy_from_slice(&side.to_be_bytes());
        jpeg[size + 2..size + 4].copy_from_slice(&side.to_be_bytes());
        let message = pixels::read(&jpeg, SIDE).unwrap_err().to_string();
        assert!(message.contains("more than 64000000"), "{message}");
    }
    // Large, and whole.
    assert!(pixels::read(&plain(7_000, 8_000, 8_000), SIDE).is_ok());
}
