// What the fuzz targets share.

#ifndef DKV20_FUZZ_FUZZ_H_
#define DKV20_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// Ends the process where the condition does not hold, which libFuzzer takes for a finding.
#define FUZZ_CHECK(condition) ((condition) ? static_cast<void>(0) : std::abort())

// What libFuzzer calls with each input. -1: the input is not to be kept.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#endif  // DKV20_FUZZ_FUZZ_H_
