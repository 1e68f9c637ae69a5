package dkv20

// Mix scrambles the bits of z; it is a bijection on the 64-bit integers
// (definition, section 6).
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// SplitMix64 is the generator of the definition, section 6. The zero value has
// seed 0.
type SplitMix64 struct{ state uint64 }

// NewSplitMix64 returns a generator with the given seed.
func NewSplitMix64(seed uint64) *SplitMix64 { return &SplitMix64{state: seed} }

// Next returns the next draw.
func (g *SplitMix64) Next() uint64 {
	g.state += 0x9e3779b97f4a7c15
	return Mix(g.state)
}
