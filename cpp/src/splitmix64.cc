#include "dkv20/splitmix64.h"

namespace dkv20 {

// The first output from seed 1234567 (definition, section 6), checked where it costs nothing.
static_assert(SplitMix64(1234567).Next() == 6457827717110365317U);

}  // namespace dkv20
