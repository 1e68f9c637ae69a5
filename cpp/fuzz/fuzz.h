// Helpers that the fuzz targets share.

#ifndef DKV20_FUZZ_FUZZ_H_
#define DKV20_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// Ends the process unless the condition holds, which libFuzzer reports as a finding.
#define FUZZ_CHECK(condition) ((condition) ? static_cast<void>(0) : std::abort())

// libFuzzer calls this with each input. Returns -1 if the input must not be kept, else 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#endif  // DKV20_FUZZ_FUZZ_H_
