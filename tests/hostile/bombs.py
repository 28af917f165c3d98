"""Small streams that decompress to very many zero bytes."""

import zlib

MEBIBYTE = 1 << 20


def deflated_zeros(size: int) -> bytes:
    """Return a raw DEFLATE stream of ``size`` zero bytes; one flushed block repeated, so it costs no time."""
    compressor = zlib.compressobj(wbits=-15)
    block = compressor.compress(bytes(MEBIBYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * (size // MEBIBYTE) + compressor.flush(zlib.Z_FINISH)


def gzipped_zeros(size: int) -> bytes:
    """Return a correct gzip file of ``size`` zero bytes."""
    checksum = 0
    for _ in range(size // MEBIBYTE):
        checksum = zlib.crc32(bytes(MEBIBYTE), checksum)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    trailer = checksum.to_bytes(4, "little") + (size % (1 << 32)).to_bytes(4, "little")
    return header + deflated_zeros(size) + trailer
