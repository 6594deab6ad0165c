// Sixteen numbers side by side, in as many registers as that takes on this machine.
//
// Every sum is made in the same order whatever the processor, so a result is the same,
// to the bit, on all of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512BW__)
constexpr int WIDTH = 16;
#elif defined(__AVX2__)
constexpr int WIDTH = 8;
#else
constexpr int WIDTH = 4;
#endif
constexpr int LANES = 16, PARTS = LANES / WIDTH, GROUP = 32;

typedef float FloatPart __attribute__((vector_size(4 * WIDTH)));
typedef int32_t IntPart __attribute__((vector_size(4 * WIDTH)));
typedef int16_t ShortPart __attribute__((vector_size(4 * WIDTH)));
typedef int8_t BytePart __attribute__((vector_size(WIDTH)));
typedef uint16_t Half;  // the bits of a float16

struct Floats {
  FloatPart part[PARTS];
};
struct Ints {
  IntPart part[PARTS];
};

template <class T>
inline T load(const void* from) {
  T x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

template <class V, class F>
inline V each(F f) {
  V v;
#pragma GCC unroll 4
  for (int i = 0; i < PARTS; i++) v.part[i] = f(i);
  return v;
}

inline Floats floats(const float* from) {
  return each<Floats>([&](int i) { return load<FloatPart>(from + WIDTH * i); });
}

inline Ints bytes(const uint8_t* from) {
  return each<Ints>([&](int i) { return load<IntPart>(from + 4 * WIDTH * i); });
}

inline void store(float* to, Floats v) {
#pragma GCC unroll 4
  for (int i = 0; i < PARTS; i++) std::memcpy(to + WIDTH * i, &v.part[i], 4 * WIDTH);
}

#define OPERATOR(op)                                                    \
  inline Floats operator op(Floats a, Floats b) {                       \
    return each<Floats>([&](int i) { return a.part[i] op b.part[i]; }); \
  }                                                                     \
  inline Floats operator op(Floats a, float b) {                        \
    return each<Floats>([&](int i) { return a.part[i] op b; });         \
  }
OPERATOR(+)
OPERATOR(-)
OPERATOR(*)
OPERATOR(/)

// Of a number and NaN these two give b, so that NaN passes where it is b.
inline Floats larger(Floats a, Floats b) {
  return each<Floats>(
      [&](int i) { return a.part[i] > b.part[i] ? a.part[i] : b.part[i]; });
}

inline Floats smaller(Floats a, Floats b) {
  return each<Floats>(
      [&](int i) { return a.part[i] < b.part[i] ? a.part[i] : b.part[i]; });
}

inline Floats to_floats(Ints a) {
  return each<Floats>(
      [&](int i) { return __builtin_convertvector(a.part[i], FloatPart); });
}

// To the nearest integer, up to 2^22: there a float32 has no place for more.
inline Floats round_nearest(Floats a) { return (a + 12582912.0f) - 12582912.0f; }

// All sixteen in one: halves upon halves.
template <class Operation>
inline float reduce(Floats v, Operation op) {
  typedef float Eight __attribute__((vector_size(32)));
  typedef float Four __attribute__((vector_size(16)));
  Eight a[2];
  Four b[2];
  float c[4];
  std::memcpy(a, &v, sizeof a), a[0] = op(a[0], a[1]);
  std::memcpy(b, a, sizeof b), b[0] = op(b[0], b[1]);
  std::memcpy(c, b, sizeof c);
  return op(op(c[0], c[2]), op(c[1], c[3]));
}

inline float total(Floats v) {
  return reduce(v, [](auto a, auto b) { return a + b; });
}

inline float largest(Floats v) {
  return reduce(v, [](auto a, auto b) { return a > b ? a : b; });
}

// e^x = 2^n e^r: n goes into the exponent, and r is so small that the series is short.
inline Floats exponential(Floats x) {
  x = smaller(Floats{} + 88.0f, larger(Floats{} - 87.0f, x));  // NaN stays NaN
  Floats n = round_nearest(x * 1.44269504f), r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Floats p = Floats{} + 1.0f / 5040;
  for (float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    p = p * r + c;
  return p * each<Floats>([&](int i) {
    IntPart exponent = __builtin_convertvector(n.part[i], IntPart) + 127;
    return (FloatPart)(exponent << 23);
  });
}

inline Floats from_half(const Half* from) {
#if defined(__AVX512BW__)
  return {(FloatPart)_mm512_cvtph_ps(load<__m256i>(from))};
#elif defined(__AVX2__) && defined(__F16C__)
  return each<Floats>(
      [&](int i) { return _mm256_cvtph_ps(load<__m128i>(from + WIDTH * i)); });
#else
  float x[LANES];
  for (int i = 0; i < LANES; i++) x[i] = load<_Float16>(from + i);
  return floats(x);
#endif
}

inline Half to_half(float x) {
#if defined(__F16C__)
  return _cvtss_sh(x, 0);  // to nearest
#else
  _Float16 half = x;
  return load<Half>(&half);
#endif
}

// Numbers of 16 bits in pairs: a[0] b[0] + a[1] b[1], and so on.
inline IntPart pairs(IntPart a, IntPart b) {
#if defined(__AVX512BW__)
  return (IntPart)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (IntPart)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (IntPart)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  return (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

// sums[i] += the four bytes u[4 i + j], unsigned, times the four of x, signed.
inline Ints dot4(Ints sums, Ints u, const int8_t* x) {
  IntPart four = IntPart{} + load<int32_t>(x);
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
  return {(IntPart)_mm512_dpbusd_epi32(
      (__m512i)sums.part[0], (__m512i)u.part[0], (__m512i)four)};
#else  // even and odd bytes apart
  IntPart even = (IntPart)((ShortPart)four << 8 >> 8);
  IntPart odd = (IntPart)((ShortPart)four >> 8);
  return each<Ints>([&](int i) {
    IntPart b = u.part[i];
    return sums.part[i] + pairs(b & 0x00ff00ff, even) + pairs(b >> 8 & 0x00ff00ff, odd);
  });
#endif
}

}  // namespace
