// Decoding in whole numbers: the blocks of a Llama-family model. Built by native.py.
//
// A matrix lies in tiles of 16 rows and 32 columns (infer/tiles.py). What it multiplies
// is rounded to whole numbers too, 32 at a time, so that nearly all arithmetic is on
// bytes: x w = s_x q_x (s_w q_w + z_w), and one instruction makes 64 products q_x q_w.
// Every sum is made in the same order whatever the processor, the number of threads and
// the company of other rows: a token comes out the same, to the bit.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace {

// Sixteen numbers, in as many registers as that takes on this machine ---------------

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

// To the nearest whole number, up to 2^22: there a float32 has no place for more.
inline Floats whole(Floats a) { return (a + 12582912.0f) - 12582912.0f; }

// All sixteen in one: halves upon halves.
template <class Operation>
inline float fold(Floats v, Operation op) {
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
  return fold(v, [](auto a, auto b) { return a + b; });
}

inline float largest(Floats v) {
  return fold(v, [](auto a, auto b) { return a > b ? a : b; });
}

// e^x = 2^n e^r: n goes into the exponent, and r is so small that the series is short.
inline Floats exponential(Floats x) {
  x = smaller(larger(x, Floats{} - 87.0f), Floats{} + 88.0f);
  Floats n = whole(x * 1.44269504f), r = x - n * 0.693359375f + n * 2.12194440e-4f;
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

// Products ---------------------------------------------------------------------------

// Rows of activations in whole numbers, two bytes each: x = scale (q + p / 254), with a
// scale for each group. One byte would do for most texts, but it turns close decisions.
struct Rounded {
  int columns, groups;
  std::vector<int8_t> q;          // (rows, 2, columns): q, then p
  std::vector<float> scale, sum;  // (rows, groups); sum: of the group's x

  Rounded(int64_t rows, int64_t columns)
      : columns(columns), groups(columns / GROUP), q(rows * 2 * columns),
        scale(rows * groups), sum(rows * groups) {}

  void set(int64_t row, const float* x) {
    for (int g = 0; g < groups; g++, x += GROUP) {
      Floats a = floats(x), b = floats(x + LANES), none = {};
      float peak = largest(larger(larger(a, none - a), larger(b, none - b)));
      float steps = peak > 1e-30f ? 127 / peak : 0;  // below, 127 / peak overflows
      a = a * steps, b = b * steps;
      Floats qa = whole(a), qb = whole(b);
      Floats pa = whole((a - qa) * 254), pb = whole((b - qb) * 254);
      int8_t* to = &q[row * 2 * columns + g * GROUP];
      put(to, qa), put(to + LANES, qb);
      put(to + columns, pa), put(to + columns + LANES, pb);
      int64_t at = row * groups + g;
      scale[at] = peak / 127, sum[at] = scale[at] * total(qa + qb + (pa + pb) / 254);
    }
  }

  static void put(int8_t* to, Floats a) {
    for (int i = 0; i < PARTS; i++, to += WIDTH) {
      IntPart whole = __builtin_convertvector(a.part[i], IntPart);
      BytePart bytes = __builtin_convertvector(whole, BytePart);
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
constexpr int AHEAD = 8192;
constexpr float FINE = 1 / 254.0f;  // of a step: what the second byte counts

// 16 rows of a matrix times R rows of activations; y += if `add`, else y =.
template <int BITS, int R>
void strip(const Tile<BITS>* tile, const Rounded& x, int64_t row, float* y, int64_t N,
           bool add) {
  const int8_t* q = &x.q[row * 2 * x.columns];
  const float *scale = &x.scale[row * x.groups], *sum = &x.sum[row * x.groups];
  Floats out[R];
  for (int r = 0; r < R; r++) out[r] = add ? floats(y + r * N) : Floats{};
  for (int g = 0; g < x.groups; g++, tile++) {
    Ints sums[R * 2] = {};
    for (size_t at = 0; at < sizeof *tile; at += 64)
      __builtin_prefetch((const char*)tile + AHEAD + at);
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
void product(const void* w, const Rounded& x, int64_t rows, float* y, int64_t N,
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

// Between the products ---------------------------------------------------------------

void normalize(const float* x, const float* weight, int C, float eps, float* y) {
  Floats squares = {};
  for (int i = 0; i < C; i += LANES) squares = squares + floats(x + i) * floats(x + i);
  float scale = 1 / std::sqrt(total(squares) / C + eps);
  for (int i = 0; i < C; i += LANES)
    store(y + i, floats(x + i) * scale * floats(weight + i));
}

void rotate(float* x, const float* cos, const float* sin, int D) {
  for (int i = 0; i < D / 2; i++) {
    float a = x[i], b = x[i + D / 2];
    x[i] = a * cos[i] - b * sin[i];
    x[i + D / 2] = b * cos[i] + a * sin[i];
  }
}

void swiglu(float* gate, const float* up, int n) {
  for (int i = 0; i < n; i += LANES) {
    Floats g = floats(gate + i);
    store(gate + i, g / (exponential(Floats{} - g) + 1) * floats(up + i));
  }
}

// Where a key's first number lies; the others follow LANES apart. Keys lie in blocks of
// 16, as the columns of a (D, 16) matrix, so that 16 scores are made side by side.
inline int64_t key_at(int64_t s, int D) { return s / LANES * LANES * D + s % LANES; }

// out = the sum of 16 N columns of count values, each times its p.
template <int N>
void mix(const Half* v, int64_t count, int D, const float* p, float* out) {
  Floats sums[N] = {};
  for (int64_t s = 0; s < count; s++, v += D)
    for (int i = 0; i < N; i++) sums[i] = sums[i] + from_half(v + LANES * i) * p[s];
  for (int i = 0; i < N; i++) store(out + LANES * i, sums[i]);
}

// One head of one token looks at the keys first .. here. p has room for their number,
// and for 16 more on either side.
void attend(const float* q, const Half* k, const Half* v, int64_t first, int64_t here,
            int D, float* p, float* out) {
  float scale = 1 / std::sqrt((float)D);
  int64_t count = here - first + 1;
  for (int64_t s = first / LANES * LANES; s <= here; s += LANES) {
    Floats sums[4] = {};
    for (int d = 0; d < D; d += 4)
      for (int i = 0; i < 4; i++)
        sums[i] = sums[i] + from_half(k + s * D + LANES * (d + i)) * q[d + i];
    store(p + s - first, ((sums[0] + sums[1]) + (sums[2] + sums[3])) * scale);
  }
  for (int64_t s = count; s % LANES; s++) p[s] = p[0];
  Floats most = floats(p), all = {};
  for (int64_t s = LANES; s < count; s += LANES) most = larger(most, floats(p + s));
  float peak = largest(most);
  for (int64_t s = 0; s < count; s += LANES)
    store(p + s, exponential(floats(p + s) - peak));
  for (int64_t s = count; s % LANES; s++) p[s] = 0;
  for (int64_t s = 0; s < count; s += LANES) all = all + floats(p + s);
  int i = 0;
  for (; i + 64 <= D; i += 64) mix<4>(v + first * D + i, count, D, p, out + i);
  for (; i < D; i += LANES) mix<1>(v + first * D + i, count, D, p, out + i);
  float inverse = 1 / total(all);
  for (i = 0; i < D; i += LANES) store(out + i, floats(out + i) * inverse);
}

}  // namespace

// What native.py calls, and its structures --------------------------------------------

extern "C" {

struct Layer {
  const float* norm1;
  const void *qkv, *out;
  const float* norm2;
  const void *gate_up, *down;
};

struct Model {
  int64_t L, C, H, K, D, d_ff, bits;
  double eps;
  const float *cos, *sin;  // (context, D / 2)
  const Layer* layers;
};

struct Row {               // one token of one text
  Half *keys, *values;     // the text's cache: layer 0, (K, room, D), keys as in key_at
  int64_t layer, head;     // how far it is to the next layer, the next head
  int64_t position;        // the token's, for the rotation
  int64_t first, here;     // it sees the keys first .. here; here is its own
};

}  // extern "C"

namespace {

// Turn a row's queries and keys by its position; keys and values go to the cache.
void remember(const Model& m, const Row& row, int64_t n, float* qkv) {
  const float *cos = m.cos + row.position * m.D / 2;
  const float *sin = m.sin + row.position * m.D / 2;
  for (int h = 0; h < m.H + m.K; h++) rotate(qkv + h * m.D, cos, sin, m.D);
  for (int64_t h = 0; h < m.K; h++) {
    const float *k = qkv + (m.H + h) * m.D, *v = k + m.K * m.D;
    int64_t at = n * row.layer + h * row.head;
    Half *key = row.keys + at + key_at(row.here, m.D);
    Half *value = row.values + at + row.here * m.D;
    for (int i = 0; i < m.D; i++)
      key[LANES * i] = to_half(k[i]), value[i] = to_half(v[i]);
  }
}

template <int BITS>
void blocks(const Model& m, int64_t rows, const Row* row, float* x) {
  int64_t C = m.C, wide = m.H * m.D, heads = wide + 2 * m.K * m.D, both = 2 * m.d_ff;
  int64_t most = 0;
  for (int r = 0; r < rows; r++) most = row[r].here >= most ? row[r].here + 1 : most;
  std::vector<float> qkv(rows * heads), mixed(rows * wide), gate_up(rows * both);
  Rounded in(rows, C), mix(rows, wide), act(rows, m.d_ff);
#pragma omp parallel
  {
    std::vector<float> y(C), p(most + 2 * LANES);
    auto norm = [&](const float* weight) {
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; r++)
        normalize(x + r * C, weight, C, m.eps, y.data()), in.set(r, y.data());
    };
    for (int64_t n = 0; n < m.L; n++) {
      const Layer& w = m.layers[n];
      norm(w.norm1);
      product<BITS>(w.qkv, in, rows, qkv.data(), heads, false);
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; r++) remember(m, row[r], n, &qkv[r * heads]);
#pragma omp for schedule(static) collapse(2)
      for (int64_t h = 0; h < m.H; h++)
        for (int64_t r = 0; r < rows; r++) {
          const Row& t = row[r];
          int64_t at = n * t.layer + h * m.K / m.H * t.head;
          attend(&qkv[r * heads + h * m.D], t.keys + at, t.values + at, t.first, t.here,
                 m.D, &p[LANES], &mixed[r * wide + h * m.D]);
        }
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; r++) mix.set(r, &mixed[r * wide]);
      product<BITS>(w.out, mix, rows, x, C, true);
      norm(w.norm2);
      product<BITS>(w.gate_up, in, rows, gate_up.data(), both, false);
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; r++) {
        float* gate = &gate_up[r * both];
        swiglu(gate, gate + m.d_ff, m.d_ff), act.set(r, gate);
      }
      product<BITS>(w.down, act, rows, x, C, true);
    }
  }
}

}  // namespace

extern "C" {

// All blocks, for some rows of the residual stream, in place.
void run_blocks(const Model* m, int64_t rows, const Row* row, float* x) {
  m->bits == 4 ? blocks<4>(*m, rows, row, x) : blocks<8>(*m, rows, row, x);
}

// y = x Wᵀ: x (rows, columns), W (N, columns) in tiles of 4 or 8 bits, y (rows, N); x is
// normalized first if there are weights for that.
void multiply(int64_t bits, const void* w, int64_t N, int64_t columns, const float* norm,
              double eps, int64_t rows, const float* x, float* y) {
  Rounded in(rows, columns);
  std::vector<float> normal(columns);
  for (int64_t r = 0; r < rows; r++, x += columns) {
    if (norm) normalize(x, norm, columns, eps, normal.data());
    in.set(r, norm ? normal.data() : x);
  }
#pragma omp parallel
  bits == 4 ? product<4>(w, in, rows, y, N, false) : product<8>(w, in, rows, y, N, false);
}

}  // extern "C"
