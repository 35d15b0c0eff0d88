// The two parts of RWKV-7 that are slow as chains of tensor operations, each with its backward:
//
//   shift_mix  x[b,t] + (x[b,t-1] - x[b,t]) * mu[j]  for several mu at once
//   wkv7       everything of the time mixing that happens inside one head: decay, in-context
//              learning rate, normalised removal key, the state recurrence, group norm and bonus
//
// Tensors are contiguous.  [B,T,C] with C = H*N; a head is N neighbouring channels.  `keep[b,t]` is 0
// where a new document starts: there the state and the previous token count as zero, exactly.
//
// The state of a head is held as S[key][value], so that the inner loops run along the values, which
// are contiguous.  The forward pass stores the state every CHUNK tokens; the backward pass walks the
// chunks from the last to the first, recomputes the states inside one chunk and goes back through it.
#include <torch/extension.h>

#include <cmath>
#include <vector>

namespace {

constexpr int64_t CHUNK = 16;
constexpr double DECAY_SCALE = 0.606531;  // w = exp(-DECAY_SCALE * sigmoid(d))
constexpr double GROUP_NORM_EPS = 64e-5;
constexpr double KEY_NORM_EPS = 1e-12;

template <typename T> struct Simd {
  typedef T type __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
  static constexpr int width = 64 / sizeof(T);
};

template <typename T> inline T sum_lanes(typename Simd<T>::type v) {
  typedef T half __attribute__((vector_size(32)));
  typedef T quarter __attribute__((vector_size(16)));
  half h[2];
  __builtin_memcpy(h, &v, sizeof(v));
  h[0] += h[1];
  quarter q[2];
  __builtin_memcpy(q, h, sizeof(half));
  q[0] += q[1];
  T s = 0;
  for (unsigned i = 0; i < 16 / sizeof(T); i++) s += q[0][i];
  return s;
}

template <typename T> inline T sigmoid(T x) { return T(1) / (T(1) + std::exp(-x)); }

template <typename T, int N> inline T dot(const T* a, const T* b) {
  T s = 0;
  for (int i = 0; i < N; i++) s += a[i] * b[i];
  return s;
}

// What one token brings to one head, after the elementwise part.
template <typename T, int N> struct Token {
  T w[N], k[N], a[N], kk[N], remove[N], add[N];  // remove = -kk, add = kk*a
  T sigmoid_d[N];
  T norm;

  void load(const T* key, const T* d, const T* a_raw, const T* k_k, const T* k_a) {
    T square = 0;
    for (int j = 0; j < N; j++) {
      sigmoid_d[j] = sigmoid(d[j]);
      w[j] = std::exp(T(-DECAY_SCALE) * sigmoid_d[j]);
      a[j] = sigmoid(a_raw[j]);
      k[j] = key[j] * (T(1) + (a[j] - T(1)) * k_a[j]);
      kk[j] = key[j] * k_k[j];
      square += kk[j] * kk[j];
    }
    norm = std::max(std::sqrt(square), T(KEY_NORM_EPS));
    for (int j = 0; j < N; j++) {
      kk[j] /= norm;
      remove[j] = -kk[j];
      add[j] = kk[j] * a[j];
    }
  }
};

// next = diag(w) S + add (remove^T S) + k v^T; also gives removed = remove^T S and y = r^T next.
template <typename T, int N>
inline void advance(const Token<T, N>& t, const T* v, const T* r, bool keep, const T* state, T* next, T* removed, T* y) {
  typedef typename Simd<T>::type V;
  constexpr int P = N / Simd<T>::width;
  V sa[P], out[P], val[P];
  const V* vv = (const V*)v;
  for (int p = 0; p < P; p++) {
    sa[p] = V{};
    out[p] = V{};
    val[p] = vv[p];
  }
  if (keep)
    for (int j = 0; j < N; j++) {
      const V* row = (const V*)(state + j * N);
      const T c = t.remove[j];
      for (int p = 0; p < P; p++) sa[p] += row[p] * c;
    }
  for (int j = 0; j < N; j++) {
    const V* row = (const V*)(state + j * N);
    V* to = (V*)(next + j * N);
    const T w = t.w[j], add = t.add[j], k = t.k[j], rj = r ? r[j] : T(0);
    for (int p = 0; p < P; p++) {
      V s = sa[p] * add + val[p] * k;
      if (keep) s += row[p] * w;
      to[p] = s;
      out[p] += s * rj;
    }
  }
  for (int p = 0; p < P; p++) {
    ((V*)removed)[p] = sa[p];
    if (y) ((V*)y)[p] = out[p];
  }
}

template <typename T> struct Inputs {
  const T *r, *d, *k, *v, *a, *keep, *k_k, *k_a, *r_k, *ln_w, *ln_b, *state;
};

template <typename T, int N>
void forward_head(const Inputs<T>& in, int64_t b, int64_t h, int64_t H, int64_t steps, T* z, T* y, T* saved, T* state_out) {
  const int64_t C = H * N, chunks = (steps + CHUNK - 1) / CHUNK;
  alignas(64) T state[N * N], next[N * N], removed[N];
  Token<T, N> tok;
  std::copy_n(in.state + (b * H + h) * N * N, N * N, state);
  const T *k_k = in.k_k + h * N, *k_a = in.k_a + h * N, *r_k = in.r_k + h * N, *lw = in.ln_w + h * N, *lb = in.ln_b + h * N;
  for (int64_t t = 0; t < steps; t++) {
    if (t % CHUNK == 0) std::copy_n(state, N * N, saved + ((b * H + h) * chunks + t / CHUNK) * N * N);
    const int64_t at = (b * steps + t) * C + h * N;
    tok.load(in.k + at, in.d + at, in.a + at, k_k, k_a);
    T* out = y + at;
    advance<T, N>(tok, in.v + at, in.r + at, in.keep[b * steps + t] != 0, state, next, removed, out);
    std::copy_n(next, N * N, state);
    T mean = 0, var = 0, bonus = 0;
    for (int i = 0; i < N; i++) mean += out[i];
    mean /= N;
    for (int i = 0; i < N; i++) var += (out[i] - mean) * (out[i] - mean);
    const T scale = T(1) / std::sqrt(var / N + T(GROUP_NORM_EPS));
    for (int j = 0; j < N; j++) bonus += in.r[at + j] * tok.k[j] * r_k[j];
    for (int i = 0; i < N; i++) z[at + i] = (out[i] - mean) * scale * lw[i] + lb[i] + bonus * in.v[at + i];
  }
  std::copy_n(state, N * N, state_out + (b * H + h) * N * N);
}

template <typename T> struct Gradients {
  T *r, *d, *k, *v, *a;                      // [B,T,C]
  T *k_k, *k_a, *r_k, *ln_w, *ln_b;          // [B,C], summed over B by the caller
};

template <typename T, int N>
void backward_head(const Inputs<T>& in, const T* y, const T* saved, const T* dz, int64_t b, int64_t h, int64_t H, int64_t steps,
                   const Gradients<T>& g) {
  typedef typename Simd<T>::type V;
  constexpr int P = N / Simd<T>::width;
  const int64_t C = H * N, chunks = (steps + CHUNK - 1) / CHUNK, own = b * C + h * N;
  const T *k_k = in.k_k + h * N, *k_a = in.k_a + h * N, *r_k = in.r_k + h * N, *lw = in.ln_w + h * N;
  std::vector<T> states((CHUNK + 1) * N * N), removed(CHUNK * N), grad_state(N * N, T(0));
  std::vector<Token<T, N>> tokens(CHUNK);
  T* G = grad_state.data();
  for (int64_t chunk = chunks - 1; chunk >= 0; chunk--) {
    const int64_t first = chunk * CHUNK, count = std::min(CHUNK, steps - first);
    std::copy_n(saved + ((b * H + h) * chunks + chunk) * N * N, N * N, states.data());
    for (int64_t c = 0; c < count; c++) {
      const int64_t at = (b * steps + first + c) * C + h * N;
      tokens[c].load(in.k + at, in.d + at, in.a + at, k_k, k_a);
      advance<T, N>(tokens[c], in.v + at, (const T*)nullptr, in.keep[b * steps + first + c] != 0, states.data() + c * N * N,
                    states.data() + (c + 1) * N * N, removed.data() + c * N, (T*)nullptr);
    }
    for (int64_t c = count - 1; c >= 0; c--) {
      const Token<T, N>& t = tokens[c];
      const bool keep = in.keep[b * steps + first + c] != 0;
      const int64_t at = (b * steps + first + c) * C + h * N;
      const T *r = in.r + at, *v = in.v + at, *out = y + at, *grad = dz + at;
      const T *before = states.data() + c * N * N, *after = before + N * N;

      // group norm and bonus
      alignas(64) T dy[N], xhat[N], dv[N];
      T mean = 0, var = 0, bonus = 0, dbonus = 0, m1 = 0, m2 = 0;
      for (int i = 0; i < N; i++) mean += out[i];
      mean /= N;
      for (int i = 0; i < N; i++) var += (out[i] - mean) * (out[i] - mean);
      const T scale = T(1) / std::sqrt(var / N + T(GROUP_NORM_EPS));
      for (int j = 0; j < N; j++) bonus += r[j] * t.k[j] * r_k[j];
      for (int i = 0; i < N; i++) {
        xhat[i] = (out[i] - mean) * scale;
        dy[i] = grad[i] * lw[i];
        m1 += dy[i];
        m2 += dy[i] * xhat[i];
        dbonus += grad[i] * v[i];
        g.ln_w[own + i] += grad[i] * xhat[i];
        g.ln_b[own + i] += grad[i];
      }
      m1 /= N;
      m2 /= N;
      for (int i = 0; i < N; i++) dy[i] = scale * (dy[i] - m1 - xhat[i] * m2);

      // the recurrence
      alignas(64) T dr[N], dk[N], dadd[N], dw[N], dremove[N];
      V Vdy[P], Vv[P], Vsa[P], Vdv[P], Vdsa[P];
      for (int p = 0; p < P; p++) {
        Vdy[p] = ((const V*)dy)[p];
        Vv[p] = ((const V*)v)[p];
        Vsa[p] = ((const V*)(removed.data() + c * N))[p];
        Vdv[p] = V{};
        Vdsa[p] = V{};
      }
      for (int j = 0; j < N; j++) {
        V* Gj = (V*)(G + j * N);
        const V *prev = (const V*)(before + j * N), *now = (const V*)(after + j * N);
        const T rj = r[j], kj = t.k[j], aj = t.add[j];
        V s_r = V{}, s_k = V{}, s_a = V{}, s_w = V{};
        for (int p = 0; p < P; p++) {
          const V x = Gj[p] + Vdy[p] * rj;
          Gj[p] = x;
          s_r += now[p] * Vdy[p];
          s_k += x * Vv[p];
          s_a += x * Vsa[p];
          s_w += x * prev[p];
          Vdv[p] += x * kj;
          Vdsa[p] += x * aj;
        }
        dr[j] = sum_lanes<T>(s_r);
        dk[j] = sum_lanes<T>(s_k);
        dadd[j] = sum_lanes<T>(s_a);
        dw[j] = keep ? sum_lanes<T>(s_w) : T(0);
      }
      for (int j = 0; j < N; j++) {
        V* Gj = (V*)(G + j * N);
        const V* prev = (const V*)(before + j * N);
        const T w = t.w[j], c_j = t.remove[j];
        V s = V{};
        for (int p = 0; p < P; p++) {
          s += prev[p] * Vdsa[p];
          Gj[p] = keep ? Gj[p] * w + Vdsa[p] * c_j : V{};
        }
        dremove[j] = keep ? sum_lanes<T>(s) : T(0);
      }
      for (int p = 0; p < P; p++) ((V*)dv)[p] = Vdv[p];

      // the elementwise part
      const T* key = in.k + at;
      T projection = 0;
      alignas(64) T dkk[N];
      for (int j = 0; j < N; j++) {
        dr[j] += dbonus * t.k[j] * r_k[j];
        dk[j] += dbonus * r[j] * r_k[j];
        g.r_k[own + j] += dbonus * r[j] * t.k[j];
        dkk[j] = dadd[j] * t.a[j] - dremove[j];
        projection += dkk[j] * t.kk[j];
      }
      if (t.norm <= T(KEY_NORM_EPS)) projection = 0;
      for (int j = 0; j < N; j++) {
        const T da = dadd[j] * t.kk[j] + dk[j] * key[j] * k_a[j];
        const T du = (dkk[j] - t.kk[j] * projection) / t.norm;
        g.k_a[own + j] += dk[j] * key[j] * (t.a[j] - T(1));
        g.k_k[own + j] += du * key[j];
        g.r[at + j] = dr[j];
        g.k[at + j] = dk[j] * (T(1) + (t.a[j] - T(1)) * k_a[j]) + du * k_k[j];
        g.v[at + j] = dv[j] + bonus * grad[j];
        g.a[at + j] = da * t.a[j] * (T(1) - t.a[j]);
        g.d[at + j] = dw[j] * t.w[j] * T(-DECAY_SCALE) * t.sigmoid_d[j] * (T(1) - t.sigmoid_d[j]);
      }
    }
  }
}

template <typename F> void in_parallel(int64_t count, int64_t block, F work) {
  const int threads = at::get_num_threads();
#pragma omp parallel for num_threads(threads) schedule(dynamic, block)
  for (int64_t i = 0; i < count; i++) work(i);
}

template <typename F> void for_head_size(int64_t n, F work) {
  switch (n) {
    case 16: return work(std::integral_constant<int, 16>());
    case 32: return work(std::integral_constant<int, 32>());
    case 48: return work(std::integral_constant<int, 48>());
    case 64: return work(std::integral_constant<int, 64>());
    default: TORCH_CHECK(false, "head size must be 16, 32, 48 or 64");
  }
}

// order of `x`: r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state
template <typename T> Inputs<T> inputs(const std::vector<torch::Tensor>& x) {
  for (const auto& tensor : x) TORCH_CHECK(tensor.is_contiguous(), "wkv7 needs contiguous tensors");
  auto p = [&](int i) { return x[i].data_ptr<T>(); };
  return {p(0), p(1), p(2), p(3), p(4), p(5), p(6), p(7), p(8), p(9), p(10), p(11)};
}

// -> z, y (before the group norm), saved states, last state
std::vector<torch::Tensor> wkv7_forward(const std::vector<torch::Tensor>& x) {
  const auto B = x[0].size(0), T = x[0].size(1), H = x[11].size(1), N = x[11].size(2);
  auto z = torch::empty_like(x[0]), y = torch::empty_like(x[0]), last = torch::empty_like(x[11]);
  auto saved = torch::empty({B, H, (T + CHUNK - 1) / CHUNK, N, N}, x[0].options());
  AT_DISPATCH_FLOATING_TYPES(x[0].scalar_type(), "wkv7_forward", [&] {
    const auto in = inputs<scalar_t>(x);
    for_head_size(N, [&](auto size) {
      in_parallel(B * H, 1, [&](int64_t i) {
        forward_head<scalar_t, decltype(size)::value>(in, i / H, i % H, H, T, z.data_ptr<scalar_t>(), y.data_ptr<scalar_t>(),
                                                      saved.data_ptr<scalar_t>(), last.data_ptr<scalar_t>());
      });
    });
  });
  return {z, y, saved, last};
}

// -> gradients of r, d, k, v, a, then of k_k, k_a, r_k, ln_w, ln_b
std::vector<torch::Tensor> wkv7_backward(const std::vector<torch::Tensor>& x, torch::Tensor y, torch::Tensor saved, torch::Tensor dz) {
  const auto B = x[0].size(0), T = x[0].size(1), C = x[0].size(2), H = x[11].size(1), N = x[11].size(2);
  TORCH_CHECK(dz.is_contiguous(), "wkv7 needs contiguous tensors");
  std::vector<torch::Tensor> g;
  for (int i = 0; i < 5; i++) g.push_back(torch::empty_like(x[0]));
  for (int i = 0; i < 5; i++) g.push_back(torch::zeros({B, C}, x[0].options()));
  AT_DISPATCH_FLOATING_TYPES(x[0].scalar_type(), "wkv7_backward", [&] {
    const auto in = inputs<scalar_t>(x);
    auto p = [&](int i) { return g[i].data_ptr<scalar_t>(); };
    const Gradients<scalar_t> grads{p(0), p(1), p(2), p(3), p(4), p(5), p(6), p(7), p(8), p(9)};
    for_head_size(N, [&](auto size) {
      in_parallel(B * H, 1, [&](int64_t i) {
        backward_head<scalar_t, decltype(size)::value>(in, y.data_ptr<scalar_t>(), saved.data_ptr<scalar_t>(),
                                                       dz.data_ptr<scalar_t>(), i / H, i % H, H, T, grads);
      });
    });
  });
  for (int i = 5; i < 10; i++) g[i] = g[i].sum(0);
  return g;
}

// x [B,T,C], before [B,C] (the token before the first), keep [B,T], mu [J,C] -> J times [B,T,C]
std::vector<torch::Tensor> shift_mix_forward(torch::Tensor x, torch::Tensor before, torch::Tensor keep, torch::Tensor mu) {
  const auto B = x.size(0), T = x.size(1), C = x.size(2), J = mu.size(0);
  std::vector<torch::Tensor> out;
  for (int64_t j = 0; j < J; j++) out.push_back(torch::empty_like(x));
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "shift_mix_forward", [&] {
    const scalar_t *px = x.data_ptr<scalar_t>(), *pb = before.data_ptr<scalar_t>(), *pk = keep.data_ptr<scalar_t>(),
                   *pm = mu.data_ptr<scalar_t>();
    std::vector<scalar_t*> po;
    for (auto& tensor : out) po.push_back(tensor.data_ptr<scalar_t>());
    in_parallel(B * T, 64, [&](int64_t i) {
      const scalar_t *now = px + i * C, *prev = i % T ? now - C : pb + i / T * C, k = pk[i];
      for (int64_t j = 0; j < J; j++)
        for (int64_t c = 0; c < C; c++) po[j][i * C + c] = now[c] + (prev[c] * k - now[c]) * pm[j * C + c];
    });
  });
  return out;
}

// -> gradients of x and mu
std::vector<torch::Tensor> shift_mix_backward(torch::Tensor x, torch::Tensor before, torch::Tensor keep, torch::Tensor mu,
                                              const std::vector<torch::Tensor>& grad) {
  const auto B = x.size(0), T = x.size(1), C = x.size(2), J = mu.size(0);
  auto dx = torch::empty_like(x), dmu = torch::zeros({B, J, C}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "shift_mix_backward", [&] {
    const scalar_t *px = x.data_ptr<scalar_t>(), *pb = before.data_ptr<scalar_t>(), *pk = keep.data_ptr<scalar_t>(),
                   *pm = mu.data_ptr<scalar_t>();
    std::vector<const scalar_t*> pg;
    for (const auto& tensor : grad) pg.push_back(tensor.data_ptr<scalar_t>());
    scalar_t *pdx = dx.data_ptr<scalar_t>(), *pdm = dmu.data_ptr<scalar_t>();
    in_parallel(B, 1, [&](int64_t b) {
      std::vector<scalar_t> later(C, 0), shifted(C);  // what the token after this one sends back
      for (int64_t t = T - 1; t >= 0; t--) {
        const int64_t i = b * T + t;
        const scalar_t *now = px + i * C, *prev = t ? now - C : pb + b * C, k = pk[i];
        scalar_t* d = pdx + i * C;
        for (int64_t c = 0; c < C; c++) {
          d[c] = later[c];
          shifted[c] = 0;
        }
        for (int64_t j = 0; j < J; j++) {
          const scalar_t *g = pg[j] + i * C, *m = pm + j * C;
          scalar_t* dm = pdm + (b * J + j) * C;
          for (int64_t c = 0; c < C; c++) {
            const scalar_t part = g[c] * m[c];
            d[c] += g[c] - part;
            shifted[c] += part;
            dm[c] += g[c] * (prev[c] * k - now[c]);
          }
        }
        for (int64_t c = 0; c < C; c++) later[c] = shifted[c] * k;
      }
    });
  });
  return {dx, dmu.sum(0)};
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("wkv7_forward", &wkv7_forward);
  m.def("wkv7_backward", &wkv7_backward);
  m.def("shift_mix_forward", &shift_mix_forward);
  m.def("shift_mix_backward", &shift_mix_backward);
}
