// Products of packed matrices and rows of activations, in integers.
//
// A matrix lies in tiles of 16 rows and 32 columns (fast/tiles.py). What it multiplies
// is rounded to integers too, 32 at a time, so that nearly all arithmetic is on bytes:
// x w = s_x q_x (s_w q_w + z_w), and one instruction makes 64 products q_x q_w.
#pragma once

#include "vectors.hpp"

namespace {

// Rows of activations in integers, two bytes each: x = scale (q + p / 254), with a
// scale for each group. One byte would do for most texts, but it turns close decisions.
struct QuantizedRows {
  int columns, groups;
  std::vector<int8_t> q;          // (rows, 2, columns): q, then p
  std::vector<float> scale, sum;  // (rows, groups); sum: of the group's x

  QuantizedRows(int64_t rows, int64_t columns)
      : columns(columns), groups(columns / GROUP), q(rows * 2 * columns),
        scale(rows * groups), sum(rows * groups) {}

  void set(int64_t row, const float* x) {
    for (int g = 0; g < groups; g++, x += GROUP) {
      Floats a = floats(x), b = floats(x + LANES), none = {};
      float peak = largest(larger(larger(a, none - a), larger(b, none - b)));
      float steps = peak > 1e-30f ? 127 / peak : 0;  // below, 127 / peak overflows
      a = a * steps, b = b * steps;
      Floats qa = round_nearest(a), qb = round_nearest(b);
      Floats pa = round_nearest((a - qa) * 254), pb = round_nearest((b - qb) * 254);
      int8_t* to = &q[row * 2 * columns + g * GROUP];
      put(to, qa), put(to + LANES, qb);
      put(to + columns, pa), put(to + columns + LANES, pb);
      int64_t at = row * groups + g;
      scale[at] = peak / 127, sum[at] = scale[at] * total(qa + qb + (pa + pb) / 254);
    }
  }

  static void put(int8_t* to, Floats a) {
    for (int i = 0; i < PARTS; i++, to += WIDTH) {
      IntPart integers = __builtin_convertvector(a.part[i], IntPart);
      BytePart bytes = __builtin_convertvector(integers, BytePart);
      std::memcpy(to, &bytes, sizeof bytes);
    }
  }
};

template <int BITS>
struct Tile {  // w = scale q + zero, a pair for each of the 16 rows
  uint8_t q[LANES * GROUP * BITS / 8];
  Half scale[LANES], zero[LANES];
};

// Eight columns of a tile, each number in a byte of its own: the first four, the others.
template <int BITS>
inline void unpack(const uint8_t* q, int eight, Ints& first, Ints& second) {
  if constexpr (BITS == 8) {
    first = bytes(q + LANES * eight), second = bytes(q + LANES * (eight + 4));
  } else {
    Ints both = bytes(q + LANES / 2 * eight);
    first = each<Ints>([&](int i) { return both.part[i] & 0x0f0f0f0f; });
    second = each<Ints>([&](int i) { return both.part[i] >> 4 & 0x0f0f0f0f; });
  }
}

// The weights come from memory in the order in which they lie. Asked for this many bytes
// ahead, they arrive while others are being multiplied.
constexpr int PREFETCH_BYTES = 8192;
constexpr float FINE = 1 / 254.0f;  // of a step: what the second byte counts

// 16 rows of a matrix times R rows of activations; y += if `add`, else y =.
template <int BITS, int R>
void strip(const Tile<BITS>* tile, const QuantizedRows& x, int64_t row, float* y, int64_t N,
           bool add) {
  const int8_t* q = &x.q[row * 2 * x.columns];
  const float *scale = &x.scale[row * x.groups], *sum = &x.sum[row * x.groups];
  Floats out[R];
  for (int r = 0; r < R; r++) out[r] = add ? floats(y + r * N) : Floats{};
  for (int g = 0; g < x.groups; g++, tile++) {
    Ints sums[R * 2] = {};
    for (size_t at = 0; at < sizeof *tile; at += 64)
      __builtin_prefetch((const char*)tile + PREFETCH_BYTES + at);
#pragma GCC unroll 4
    for (int eight = 0; eight < GROUP; eight += 8) {
      Ints first, second;
      unpack<BITS>(tile->q, eight, first, second);
#pragma GCC unroll 8
      for (int r = 0; r < R * 2; r++) {
        const int8_t* at = q + r * x.columns + g * GROUP + eight;
        sums[r] = dot4(dot4(sums[r], first, at), second, at + 4);
      }
    }
    Floats s = from_half(tile->scale), z = from_half(tile->zero);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      Floats products = to_floats(sums[2 * r]) + to_floats(sums[2 * r + 1]) * FINE;
      int at = r * x.groups + g;
      out[r] = out[r] + s * scale[at] * products + z * sum[at];
    }
  }
  for (int r = 0; r < R; r++) store(y + r * N, out[r]);
}

// y = x Wᵀ, W of N rows. All threads call it and share the strips.
template <int BITS>
void product(const void* w, const QuantizedRows& x, int64_t rows, float* y, int64_t N,
             bool add) {
#pragma omp for schedule(static)
  for (int64_t n = 0; n < N; n += LANES) {
    auto tile = (const Tile<BITS>*)w + n / LANES * x.groups;
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) strip<BITS, 4>(tile, x, r, y + r * N + n, N, add);
    if (rows % 4 == 3) strip<BITS, 3>(tile, x, r, y + r * N + n, N, add);
    if (rows % 4 == 2) strip<BITS, 2>(tile, x, r, y + r * N + n, N, add);
    if (rows % 4 == 1) strip<BITS, 1>(tile, x, r, y + r * N + n, N, add);
  }
}

}  // namespace
