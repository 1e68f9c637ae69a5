// LoadState on any bytes (definition, section 5): what it accepts has the same bytes when dumped,
// and the offset of an error is within the bytes.

#include <algorithm>
#include <span>

#include "dkv20/snapshot.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const auto loaded = dkv20::LoadState(bytes);
  if (loaded.ok()) {
    FUZZ_CHECK(std::ranges::equal(loaded.value().DumpState(), bytes));
  } else {
    FUZZ_CHECK(loaded.error().offset <= size);
  }
  return 0;
}
