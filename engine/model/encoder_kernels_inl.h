// The kernels of encoder_kernels.h, written once over an instruction set: a struct with a vector of
// floats `F`, one of int32 `I`, and the operations used below. Included by each
// encoder_kernels_*.cc and compiled there with that file's options, so nothing here may call an
// inline function of another header: the linker would keep one copy of it for all processors.
#pragma once

#include "engine/model/encoder_kernels.h"

namespace nearhit {

namespace {

// e^x for -87.33 <= x <= 0, a few units in the last place off; elsewhere that of the nearest bound.
template <typename V>
typename V::F Exp(typename V::F x) {
  x = V::Min(V::Max(x, V::Set(-87.33F)), V::Set(0.0F));
  const auto n = V::Round(V::Mul(x, V::Set(1.44269504F)));
  // x - n * ln 2, with ln 2 in two parts.
  auto r = V::Fma(n, V::Set(-0.693359375F), x);
  r = V::Fma(n, V::Set(2.12194440e-4F), r);
  auto p = V::Set(1.9875691500e-4F);
  constexpr float kRest[] = {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F, 1.6666665459e-1F,
                             5.0000001201e-1F};
  for (const float c : kRest) {
    p = V::Fma(p, r, V::Set(c));
  }
  p = V::Fma(p, V::Mul(r, r), V::Add(r, V::Set(1.0F)));
  return V::Mul(p, V::PowerOfTwo(n));
}

// x / 2 * (1 + erf(x / sqrt 2)), off by less than 5e-7 of the larger of 1 and |x|. erf is a
// quotient of polynomials, those of Eigen.
template <typename V>
typename V::F Gelu(typename V::F x) {
  auto z = V::Mul(x, V::Set(0.707106781F));
  z = V::Max(V::Min(z, V::Set(4.0F)), V::Set(-4.0F));
  const auto square = V::Mul(z, z);
  constexpr float kAbove[] = {2.77068142495902e-08F,  -2.10102402082508e-06F,
                              -5.69250639462346e-05F, -7.34990630326855e-04F,
                              -2.95459980854025e-03F, -1.60960333262415e-02F};
  constexpr float kBelow[] = {-2.13374055278905e-04F, -1.68282697438203e-03F,
                              -7.37332916720468e-03F, -1.42647390514189e-02F};
  auto p = V::Set(-2.72614225801306e-10F);
  for (const float c : kAbove) {
    p = V::Fma(p, square, V::Set(c));
  }
  auto q = V::Set(-1.45660718464996e-05F);
  for (const float c : kBelow) {
    q = V::Fma(q, square, V::Set(c));
  }
  const auto half = V::Mul(x, V::Set(0.5F));
  return V::Fma(half, V::Div(V::Mul(z, p), q), half);
}

// Calls visit(at, lanes) for each vector of a row of n; `lanes` is less than V::kLanes in the last.
template <typename V, typename Visit>
void ForEachVector(std::size_t n, Visit visit) {
  for (std::size_t at = 0; at < n; at += V::kLanes) {
    visit(at, n - at < V::kLanes ? n - at : V::kLanes);
  }
}

template <typename V>
typename V::F LoadSome(const float* from, std::size_t lanes, float rest) {
  return lanes == V::kLanes ? V::Load(from) : V::LoadPart(from, lanes, rest);
}

template <typename V>
void StoreSome(float* to, typename V::F value, std::size_t lanes) {
  if (lanes == V::kLanes) {
    V::Store(to, value);
  } else {
    V::StorePart(to, value, lanes);
  }
}

template <typename V>
void GeluRows(float* rows, std::size_t m, std::size_t n, std::size_t stride) {
  for (std::size_t row = 0; row < m; ++row) {
    ForEachVector<V>(n, [&](std::size_t at, std::size_t lanes) {
      float* const x = rows + row * stride + at;
      StoreSome<V>(x, Gelu<V>(LoadSome<V>(x, lanes, 0)), lanes);
    });
  }
}

// The weights that the next panel will need, fetched while this one is worked on: a little at each
// step, so that memory is busy all the time and not only in a panel's first tile.
struct Ahead {
  static constexpr std::size_t kLine = 64;

  const char* at;
  std::size_t step;  // bytes

  void Fetch() {
    __builtin_prefetch(at, 0, 2);
    if (step > kLine) {
      __builtin_prefetch(at + kLine, 0, 2);
    }
    at += step;
  }
};

// One tile of the result: kRows rows, one panel of columns, held in registers over all of k.
template <typename V, std::size_t kRows>
struct Tile {
  using F = typename V::F;
  static constexpr std::size_t kPanel = V::kVectors * V::kLanes;

  // Writes the columns of this panel that are there: from `column`, at most a panel. GELU reads
  // them back: its many constants would push the sums out of the registers.
  static void Store(const F (&sums)[kRows][V::kVectors], const ProductOutput& to, std::size_t row,
                    std::size_t column) {
    const std::size_t columns = to.n - column < kPanel ? to.n - column : kPanel;
    float* out = to.out + row * to.out_stride + column;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (std::size_t v = 0; v < V::kVectors; ++v) {
        const std::size_t at = v * V::kLanes;
        if (at + V::kLanes <= columns) {
          V::Store(out + i * to.out_stride + at, sums[i][v]);
        } else if (at < columns) {
          V::StorePart(out + i * to.out_stride + at, sums[i][v], columns - at);
        }
      }
    }
    if (to.gelu) {
      GeluRows<V>(out, kRows, columns, to.out_stride);
    }
  }

  static void Multiply(const FloatProduct& product, std::size_t row, std::size_t column,
                       Ahead ahead) {
    const ProductOutput& to = product.to;
    const float* b = product.b + column * to.k;
    const float* a = product.a + row * product.a_stride;
    const std::size_t stride = product.a_stride;
    F sums[kRows][V::kVectors];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (std::size_t v = 0; v < V::kVectors; ++v) {
        sums[i][v] = to.bias == nullptr ? V::Set(0.0F) : V::Load(to.bias + column + v * V::kLanes);
      }
    }
    for (std::size_t k = 0; k < to.k; ++k) {
      ahead.Fetch();
      F weights[V::kVectors];
#pragma GCC unroll 16
      for (std::size_t v = 0; v < V::kVectors; ++v) {
        weights[v] = V::Load(b + k * kPanel + v * V::kLanes);
      }
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kRows; ++i) {
        const F value = V::Set(a[i * stride + k]);
#pragma GCC unroll 16
        for (std::size_t v = 0; v < V::kVectors; ++v) {
          sums[i][v] = V::Fma(value, weights[v], sums[i][v]);
        }
      }
    }
    Store(sums, to, row, column);
  }

  static void Multiply(const QuantizedProduct& product, std::size_t row, std::size_t column,
                       Ahead ahead) {
    const ProductOutput& to = product.to;
    const std::int8_t* b = product.b + column * to.k;
    const std::size_t stride = to.k * sizeof(typename V::Activation);
    const std::byte* a = product.a + row * stride;
    typename V::I sums[kRows][V::kVectors];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (std::size_t v = 0; v < V::kVectors; ++v) {
        sums[i][v] = V::LoadInts(product.b_sums + column + v * V::kLanes);
      }
    }
    for (std::size_t k = 0; k < to.k; k += V::kGroup) {
      ahead.Fetch();
      typename V::Weights weights[V::kVectors];
#pragma GCC unroll 16
      for (std::size_t v = 0; v < V::kVectors; ++v) {
        weights[v] = V::LoadWeights(b + k * kPanel + v * V::kLanes * V::kGroup);
      }
#pragma GCC unroll 16
      for (std::size_t i = 0; i < kRows; ++i) {
        const auto group = V::LoadGroup(a + i * stride + k * sizeof(typename V::Activation));
#pragma GCC unroll 16
        for (std::size_t v = 0; v < V::kVectors; ++v) {
          sums[i][v] = V::AddProducts(sums[i][v], group, weights[v]);
        }
      }
    }
    F scaled[kRows][V::kVectors];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kRows; ++i) {
      const F scale = V::Set(product.a_scales[row + i]);
#pragma GCC unroll 16
      for (std::size_t v = 0; v < V::kVectors; ++v) {
        const std::size_t at = column + v * V::kLanes;
        const F bias = to.bias == nullptr ? V::Set(0.0F) : V::Load(to.bias + at);
        scaled[i][v] =
            V::Fma(V::ToFloat(sums[i][v]), V::Mul(scale, V::Load(product.b_scales + at)), bias);
      }
    }
    Store(scaled, to, row, column);
  }
};

template <typename V, typename Product, std::size_t kRows>
void MultiplyTile(std::size_t rows, const Product& product, std::size_t row, std::size_t column,
                  Ahead ahead) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      MultiplyTile<V, Product, kRows - 1>(rows, product, row, column, ahead);
      return;
    }
  }
  Tile<V, kRows>::Multiply(product, row, column, ahead);
}

// Rows of b that a tile takes at a step.
template <typename V>
constexpr std::size_t RowsOfStep(const FloatProduct& /*product*/) {
  return 1;
}
template <typename V>
constexpr std::size_t RowsOfStep(const QuantizedProduct& /*product*/) {
  return V::kGroup;
}

// Panel by panel, so that weights are read from memory once; the rows of `a` are few enough to stay
// in a cache. Rows are dealt out evenly: 8 rows in tiles of at most 6 are 4 and 4.
template <typename V, typename Product>
void Multiply(const Product& product) {
  constexpr std::size_t kPanel = V::kVectors * V::kLanes;
  const std::size_t m = product.to.m;
  const std::size_t tiles = (m + V::kMaxRows - 1) / V::kMaxRows;
  const std::size_t steps = product.to.k / RowsOfStep<V>(product);
  const std::size_t step_bytes = RowsOfStep<V>(product) * kPanel * sizeof(*product.b);
  const char* next_panel = reinterpret_cast<const char*>(product.b);
  for (std::size_t column = 0; column < product.to.n; column += kPanel) {
    next_panel += steps * step_bytes;
    Ahead ahead{next_panel, step_bytes / tiles};
    std::size_t row = 0;
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      const std::size_t rows = (m - row + tiles - tile - 1) / (tiles - tile);
      MultiplyTile<V, Product, V::kMaxRows>(rows, product, row, column, ahead);
      ahead.at += steps * ahead.step;
      row += rows;
    }
  }
}

// -1 where the lane's number has the bit `kStride`, else 1.
template <std::size_t kStride>
struct Signs {
  static constexpr std::size_t kMostLanes = 16;
  alignas(64) float lane[kMostLanes];

  constexpr Signs() : lane() {
    for (std::size_t i = 0; i < kMostLanes; ++i) {
      lane[i] = (i & kStride) != 0 ? -1.0F : 1.0F;
    }
  }
};
template <std::size_t kStride>
inline constexpr Signs<kStride> kSigns;

// The steps of the transform between lanes kStride apart, kStride/2 apart, and so on.
template <typename V, std::size_t kStride>
typename V::F RotateLanes(typename V::F x) {
  if constexpr (kStride > 0) {
    // Lane and partner: a + b where the bit is clear, a - b with b the own value where it is set.
    x = V::Fma(x, V::Load(kSigns<kStride>.lane), V::template SwapLanes<kStride>(x));
    return RotateLanes<V, kStride / 2>(x);
  } else {
    return x;
  }
}

// A fast Walsh-Hadamard transform of a block held in registers.
template <typename V>
void Rotate(const float* row, std::size_t n, float* out) {
  constexpr std::size_t kVectors = kRotationBlock / V::kLanes;
  for (std::size_t block = 0; block < n; block += kRotationBlock) {
    typename V::F x[kVectors];
#pragma GCC unroll 32
    for (std::size_t i = 0; i < kVectors; ++i) {
      const std::size_t at = block + i * V::kLanes;
      x[i] = at >= n ? V::Set(0.0F)
                     : LoadSome<V>(row + at, n - at < V::kLanes ? n - at : V::kLanes, 0);
    }
#pragma GCC unroll 32
    for (std::size_t stride = kVectors / 2; stride > 0; stride /= 2) {
#pragma GCC unroll 32
      for (std::size_t i = 0; i < kVectors; ++i) {
        if ((i & stride) == 0) {
          const auto sum = V::Add(x[i], x[i + stride]);
          x[i + stride] = V::Sub(x[i], x[i + stride]);
          x[i] = sum;
        }
      }
    }
#pragma GCC unroll 32
    for (std::size_t i = 0; i < kVectors; ++i) {
      V::Store(out + block + i * V::kLanes, RotateLanes<V, V::kLanes / 2>(x[i]));
    }
  }
}

template <typename V>
float Quantize(const float* row, std::size_t n, std::byte* out) {
  constexpr float kLargest = 127;
  auto largest = V::Set(0.0F);
  for (std::size_t at = 0; at < n; at += V::kLanes) {
    largest = V::Max(largest, V::Abs(V::Load(row + at)));
  }
  const float max = V::ReduceMax(largest);
  const auto inverse = V::Set(max > 0 ? kLargest / max : 0.0F);
  // Rounding of `inverse` could carry the largest value past the limit, but not by a half.
  for (std::size_t at = 0; at < n; at += V::kLanes) {
    V::StoreActivations(out + at * sizeof(typename V::Activation),
                        V::Mul(V::Load(row + at), inverse));
  }
  return max / kLargest;
}

template <typename V>
void AddLayerNorm(const float* a, const float* b, std::size_t n, float eps, const float* gain,
                  const float* bias, float* out) {
  auto sum = V::Set(0.0F);
  ForEachVector<V>(n, [&](std::size_t at, std::size_t lanes) {
    const auto x = V::Add(LoadSome<V>(a + at, lanes, 0), LoadSome<V>(b + at, lanes, 0));
    sum = V::Add(sum, x);
    StoreSome<V>(out + at, x, lanes);
  });
  const float mean = V::ReduceAdd(sum) / static_cast<float>(n);
  auto squares = V::Set(0.0F);
  ForEachVector<V>(n, [&](std::size_t at, std::size_t lanes) {
    const auto x = V::Sub(LoadSome<V>(out + at, lanes, mean), V::Set(mean));
    squares = V::Fma(x, x, squares);
  });
  const float variance = V::ReduceAdd(squares) / static_cast<float>(n);
  const auto inverse = V::Set(1.0F / __builtin_sqrtf(variance + eps));
  ForEachVector<V>(n, [&](std::size_t at, std::size_t lanes) {
    const auto x = V::Sub(LoadSome<V>(out + at, lanes, 0), V::Set(mean));
    const auto scale = V::Mul(inverse, LoadSome<V>(gain + at, lanes, 0));
    StoreSome<V>(out + at, V::Fma(x, scale, LoadSome<V>(bias + at, lanes, 0)), lanes);
  });
}

template <typename V>
void Softmax(float* row, std::size_t n) {
  constexpr float kLowest = -3.0e38F;
  auto largest = V::Set(kLowest);
  ForEachVector<V>(n, [&](std::size_t at, std::size_t lanes) {
    largest = V::Max(largest, LoadSome<V>(row + at, lanes, kLowest));
  });
  const auto max = V::Set(V::ReduceMax(largest));
  auto sum = V::Set(0.0F);
  ForEachVector<V>(n, [&](std::size_t at, std::size_t lanes) {
    auto x = Exp<V>(V::Sub(V::Load(row + at), max));
    x = lanes == V::kLanes ? x : V::KeepFirst(x, lanes);
    V::Store(row + at, x);
    sum = V::Add(sum, x);
  });
  const auto inverse = V::Set(1.0F / V::ReduceAdd(sum));
  ForEachVector<V>(n, [&](std::size_t at, std::size_t) {
    V::Store(row + at, V::Mul(V::Load(row + at), inverse));
  });
}

template <typename V>
EncoderKernels MakeEncoderKernels(const char* name) {
  return {name,
          V::kVectors * V::kLanes,
          V::kGroup,
          sizeof(typename V::Activation),
          V::kOffset,
          Multiply<V, FloatProduct>,
          Multiply<V, QuantizedProduct>,
          Rotate<V>,
          Quantize<V>,
          AddLayerNorm<V>,
          Softmax<V>};
}

}  // namespace

}  // namespace nearhit
