// Invariants that are checked in every build type.
//
// If an invariant of the state machine is broken, replicas may silently diverge; ending the
// process is the smaller harm. So DKV20_CHECK stays in Release. Its condition is evaluated exactly
// once in every build type.

#ifndef DKV20_CHECK_H_
#define DKV20_CHECK_H_

namespace dkv20::internal {

// Writes the condition and its place to standard error and ends the process.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line) noexcept;

}  // namespace dkv20::internal

#define DKV20_CHECK(condition)        \
  ((condition) ? static_cast<void>(0) \
               : ::dkv20::internal::CheckFailed(#condition, __FILE__, __LINE__))

#endif  // DKV20_CHECK_H_
