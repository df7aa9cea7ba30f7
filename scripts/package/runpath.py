"""Replaces where an ELF file looks for its libraries, in place: the new text must not be longer than the old."""

import struct
import sys

DT_STRTAB, DT_RPATH, DT_RUNPATH = 5, 15, 29
PT_LOAD, PT_DYNAMIC = 1, 2


def main(path, wanted):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if data[:6] != b"\x7fELF\x02\x01":
        sys.exit(f"{path}: not a 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, table + index * size) for index in range(count)]
    entries = []
    for kind, _, offset, _, _, length, _, _ in segments:
        if kind == PT_DYNAMIC:
            entries = [struct.unpack_from("<QQ", data, at) for at in range(offset, offset + length, 16)]
    strings = next((value for tag, value in entries if tag == DT_STRTAB), None)
    paths = [value for tag, value in entries if tag in (DT_RPATH, DT_RUNPATH)]
    if strings is None or not paths:
        return
    # The address of the strings, as an offset in the file.
    start = next(
        offset + strings - address
        for kind, _, offset, address, _, length, _, _ in segments
        if kind == PT_LOAD and address <= strings < address + length
    )
    for value in paths:
        at = start + value
        end = data.index(b"\0", at)
        text = wanted.encode()
        if len(text) > end - at:
            sys.exit(f"{path}: `{data[at:end].decode()}` leaves no room for `{wanted}`")
        data[at:end] = text.ljust(end - at, b"\0")
    with open(path, "wb") as file:
        file.write(data)


main(*sys.argv[1:])
