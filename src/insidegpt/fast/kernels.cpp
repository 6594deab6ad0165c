// The blocks of a Llama-family model, decoding in integers. Built by compile.py.
//
// Every sum is made in the same order whatever the processor, the number of threads and
// the company of other rows: a token comes out the same, to the bit.

#include "products.hpp"

namespace {

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

// What cpp_engine.py calls; compile.py has the structures, too ------------------------

extern "C" {

struct Layer {
  const float* norm1;
  const void* qkv;
  const float *bias, *qk_norm;  // of queries, keys and values; null where there is none
  const void* out;
  const float* norm2;
  const void *gate_up, *down;
  int64_t rotary;
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

// Finish a row's queries, keys and values; keys and values go to the cache.
void store_kv(const Model& m, const Row& row, int64_t n, float* qkv) {
  const Layer& w = m.layers[n];
  const float *cos = m.cos + row.position * m.D / 2;
  const float *sin = m.sin + row.position * m.D / 2;
  if (w.bias)
    for (int i = 0; i < (m.H + 2 * m.K) * m.D; i++) qkv[i] += w.bias[i];
  for (int h = 0; h < m.H + m.K; h++) {
    float* head = qkv + h * m.D;
    if (w.qk_norm) normalize(head, w.qk_norm + h * m.D, m.D, m.eps, head);
    if (w.rotary) rotate(head, cos, sin, m.D);
  }
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
  QuantizedRows in(rows, C), mix(rows, wide), act(rows, m.d_ff);
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
      for (int64_t r = 0; r < rows; r++) store_kv(m, row[r], n, &qkv[r * heads]);
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
  QuantizedRows in(rows, columns);
  std::vector<float> normal(columns);
  for (int64_t r = 0; r < rows; r++, x += columns) {
    if (norm) normalize(x, norm, columns, eps, normal.data());
    in.set(r, norm ? normal.data() : x);
  }
#pragma omp parallel
  bits == 4 ? product<4>(w, in, rows, y, N, false) : product<8>(w, in, rows, y, N, false);
}

}  // extern "C"
