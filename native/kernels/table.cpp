// The kernels of one instruction set, compiled once per set with that set's flags and ELMAN_TARGET as its name.
#include "contraction/matmul.h"
#include "contraction_bf16/rounded.h"
#include "contraction_int8/matmul.h"
#include "movement/copy.h"
#include "movement/gather.h"
#include "pointwise/program.h"
#include "random/philox.h"
#include "reduction/arg_max.h"
#include "reduction/cum_sum.h"
#include "reduction/finite.h"
#include "reduction/linear_cross_entropy.h"
#include "reduction/reduce.h"
#include "reduction/softmax.h"
#include "reduction/top_k.h"
#include "windows/convolution.h"
#include "windows/pool.h"

#define ELMAN_TEXT(x) #x
#define ELMAN_NAME(x) ELMAN_TEXT(x)

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
constexpr Kernels<R> table_of = {
#if defined(__aarch64__)
    "neon",
#else
    ELMAN_NAME(ELMAN_TARGET),
#endif
    packed_size<R>,
    pack<R>,
    matmul<R>,
    choose_matmul<R>,
    matmul_together<R>,
    quantized_scratch,
    quantized_matmul,
    conv_scratch<R>,
    conv<R>,
    conv_kernel<R>,
    pool<R>,
    unpool<R>,
    pointwise<R>,
    lay<R>,
    reduce<R>,
    arg_max<R>,
    top_k<R>,
    softmax<R>,
    cum_sum<R>,
    linear_cross_entropy<R>,
    copy,
    gather,
    scatter_add<R>,
    uniform<R>,
    finite<R>,
    {packed_size<R>, rounded_scratch<R>, rounded_pack<R>, rounded_matmul<R>, nullptr},
    false,
    {}};

}  // namespace

const Kernels<float>& float_kernels() { return table_of<float>; }
const Kernels<double>& double_kernels() { return table_of<double>; }

}  // namespace elman::ELMAN_TARGET
