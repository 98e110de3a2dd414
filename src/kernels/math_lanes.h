// exp and the normal distribution on lanes: the same steps as rows_scalar.cc, the same bits.
// Include after lanes_*.h.
#pragma once

namespace shijian::kernels {
namespace {

struct ExpParts {
  V mantissa;
  I exponent;
};

LANES_INLINE ExpParts exp_parts(V x) {
  const V shifted = fma(x, splat(kExpLog2e), splat(kExpMagic));
  const V n = sub(shifted, splat(kExpMagic));
  V r = fma(n, splat(-kExpLn2High), x);
  r = fma(n, splat(-kExpLn2Low), r);
  V poly = fma(splat(kExpC4), r, splat(kExpC3));
  poly = fma(poly, r, splat(kExpC2));
  poly = fma(poly, r, splat(kExpC1));
  poly = fma(poly, r, splat(kExpC0));
  const V mantissa = add(fma(poly, mul(r, r), r), splat(1.0f));
  return {mantissa, int_sub(as_int(shifted), int_splat(kExpMagicBits))};
}

// A NaN passes through: max and min give their second operand, and the mantissa is then NaN.
LANES_INLINE V exp(V x) {
  const ExpParts e = exp_parts(min(splat(kExpMax), max(splat(kExpMin), x)));
  const I half = halve(e.exponent);
  return mul(mul(e.mantissa, power_of_two(half)), power_of_two(int_sub(e.exponent, half)));
}

// x <= 0; 0 below kSoftmaxMin.
LANES_INLINE V exp_softmax(V x) {
  const ExpParts e = exp_parts(max(splat(kSoftmaxMin), x));
  const V value = mul(e.mantissa, power_of_two(e.exponent));
  return select(less(x, splat(kSoftmaxMin)), zero(), value);
}

LANES_INLINE V normal_cdf(V x) {
  const V z = absolute(mul(x, splat(kSqrtHalf)));
  const V square = mul(z, z);
  V small = splat(kErf[6]);
#pragma GCC unroll 8
  for (int i = 5; i >= 0; --i) small = fma(small, square, splat(kErf[i]));
  small = mul(small, z);
  const V t = min(splat(5.0f), z);
  V tail = splat(kErfc[8]);
#pragma GCC unroll 8
  for (int i = 7; i >= 0; --i) tail = fma(tail, t, splat(kErfc[i]));
  tail = exp(sub(tail, square));
  const V one = splat(1.0f), half = splat(0.5f);
  const V erfc = select(less(one, z), tail, sub(one, small));
  return select(less(zero(), x), sub(one, mul(half, erfc)), mul(half, erfc));
}

}  // namespace
}  // namespace shijian::kernels
