package dkv20

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestChaosDigestIsOfItsTranscript(t *testing.T) {
	for _, size := range []int{1, 3, 5, 64} {
		s := Session{cluster: newCluster(t, size)}
		lines := newChaosLines(s.Cluster(), 9, 3_000)
		seen := map[string]bool{}
		var transcript []byte
		for lines.nextLine() {
			answer, answered := s.RunLine(lines.line, nil)
			equal(t, "answered", answered, true)
			transcript = fmt.Appendf(transcript, "> %s\n< %s\n", lines.line, answer)
			words := strings.Fields(string(lines.line))
			seen[fmt.Sprint(words[0], min(len(words), 3))] = true
			seen[strings.Fields(string(answer))[0]] = true
		}
		sum := sha256.Sum256(transcript)
		digest, err := runChaos(newCluster(t, size), 9, 3_000)
		must(t, err)
		equal(t, "digest", digest, hex.EncodeToString(sum[:]))

		kinds := "put3 del2 at3 partition2 heal1 heal2 compact1 compact2 get3 hash2 log2 replica2 status1 ok err"
		if size > 1 { // one replica has no list of two
			kinds += " partition3 heal3"
		}
		if size < 64 { // an empty list of 64 is very rare
			kinds += " partition1"
		}
		for _, kind := range strings.Fields(kinds) {
			if !seen[kind] {
				t.Errorf("%d replicas: no %q in %v", size, kind, seen)
			}
		}
	}
}

func TestChaosEndsWithEachReplica(t *testing.T) {
	lines := newChaosLines(newCluster(t, 2), 1, 0)
	var got []string
	for lines.nextLine() {
		got = append(got, string(lines.line))
	}
	equal(t, "lines", got, []string{"replica 0", "log 0", "hash 0", "replica 1", "log 1", "hash 1"})
}

func TestChaosTable(t *testing.T) {
	rows := []struct {
		first, last uint64
		words       []string
	}{
		{0, 55, []string{"put", "del"}}, {56, 75, []string{"at"}}, {76, 91, []string{"partition"}},
		{92, 105, []string{"heal"}}, {106, 111, []string{"compact"}}, {112, 115, []string{"get"}},
		{116, 120, []string{"hash"}}, {121, 123, []string{"log"}}, {124, 126, []string{"replica"}}, {127, 127, []string{"status"}},
	}
	seen := map[uint64]bool{}
	for seed := range uint64(5000) {
		e := NewSplitMix64(seed).Next() >> 57
		lines := newChaosLines(newCluster(t, 3), seed, 1)
		equal(t, "next", lines.nextLine(), true)
		word := strings.Fields(string(lines.line))[0]
		for _, row := range rows {
			if row.first <= e && e <= row.last && !slices.Contains(row.words, word) {
				t.Fatalf("e = %d: got %q, want one of %v", e, lines.line, row.words)
			}
		}
		seen[e] = true
	}
	equal(t, "values of e", len(seen), 128)
}

func TestChaosDigestsArePinned(t *testing.T) {
	for size, want := range chaosDigests {
		for i := range uint64(3) {
			digest, err := runChaos(newCluster(t, size), i+1, 20_000)
			must(t, err)
			equal(t, fmt.Sprintf("digest of %d replicas, seed %d", size, i+1), digest, want[i])
		}
	}
}

func TestChaosChecksCount(t *testing.T) {
	_, err := runChaos(newCluster(t, 1), 1, ChaosStepsMax+1)
	wantError(t, err, ErrCount)
}

// chaosDigests has the digests of `chaos SEED 20000` for the seeds 1, 2 and 3, by
// the number of replicas.
var chaosDigests = map[int][3]string{
	1: {
		"2aa820956aefb0dbf0fb2327e58cfaff7d97fe7222a979d3446f625ab2e11a37",
		"fa04e163e53e0764e0253878fa875728331b55d133836de096829ebeb7ccb9f9",
		"8def15d0962facc990c90324f942c6ca8fddf906186d04ed43b0f5d87056a1a1",
	},
	2: {
		"941b43da92a0c9529141d2aebc8501194fcf59a509f6b76dfe1dc05d8599282d",
		"fb90c5fa283c06ad629501b82c77f7bd3367b063f6ca97e227780a8bdc49b398",
		"f06339a9d57e751bb415947855e6512b77231e44f2512a07b24f0165d2cccf9b",
	},
	3: {
		"8967a0319ae514038f786ae1b21f2ab91ab935c27fa3bed789dfc23a78eeb609",
		"a5a015f872cdb412621081a8d3569a12e744d49b8f82b4340f31a9df6bbece39",
		"c5eb19d343d3038472f0ab834c573fd4dd6700339efe18085054b8b6971b1b3c",
	},
	4: {
		"039796f3ba364b9f2dcf1eb604b0b2805d86fe6a318dcd9bd52980a69d2bdcff",
		"c1ffc3a0f238b35b5424adc100f0a05112444972dea77f1d38c8afcb71258f5a",
		"69a8008a33795ee84c2bd7a14958f5d38f0b150e1be107b4b5bed345bf5135b5",
	},
	5: {
		"70299a56a3b7a3fc4f1a99045d53b017a1a0ab232793052b94d4a2d5cae952af",
		"87890c078da93cff3a79d74a864576eb42005dbfe9cfd3f15872acafe1e4b5e9",
		"cd22345dbd835df46f149bcb58a77e3783ba08cf7af755b25a7eb17b89a85180",
	},
	6: {
		"b724cdf21c96895dac0fc4a7eb29f475ccdc7851f3b3db118dcb0d4c08047b57",
		"39aaa2aca6357dae2838941bfd41170257be871f2c85e766196c7592a7efcc14",
		"d97244a062ad54a9cd3d95a211ab56913a1f6f1300d24472a0403e3f07fd4308",
	},
	7: {
		"38250a4949e4b17982bb39d4577e878574fb39b5a5fa9782f092afb697e7a0c8",
		"b172d22cb6873751f90ee94d1ac051c4210cd7e44ff6507e2624087728e690d3",
		"c2fa58e8953641ff1d554848bbc82164d69fa93cf6045a2386283df2e7ccbb0a",
	},
	64: {
		"3cc3cdd5540dae29c67ac1ceb0117716b837ed6df48879313b9ff8275366ffbc",
		"f7fd9d926cdbe03d9d775c855b06c124ce391f63d3321955a8146b481732d947",
		"3e0858581b700c1c1d7114674f3efe6e93df5703fad85bffd68fd9eebd1549f3",
	},
}
