// SPDX-License-Identifier: Apache-2.0

// An engine in Go: sound comes in, piece by piece, and goes out at another rate, while it comes.
//
// The parameters `from` and `to` are the rates in Hz. Sound is mono, signed 16 bit, little endian.
package main

import (
	"encoding/binary"
	"sync"

	"aiges.ai/engine"
	"github.com/gopxl/beep/v2"
)

const (
	quality = 4       // Of 1 to 64: how many neighbours make a sample.
	piece   = 512     // Samples of an answer, at most.
	mostIn  = 1 << 20 // Bytes that wait to be converted: a client that is faster waits, too.
)

type resampler struct{}

func (resampler) Init(aiges.Params) error { return nil }

// Exec is for a request that has its sound at once.
func (resampler) Exec(ctx *aiges.Context, params aiges.Params, in aiges.Payloads) (aiges.Payloads, error) {
	sound, err := in.Find("audio")
	if err != nil {
		return nil, err
	}
	from, to, err := rates(params)
	if err != nil {
		return nil, err
	}
	source := newSource()
	source.put(sound.Data)
	source.end()
	var out []byte
	convert(source, from, to, func(samples []byte, last bool) bool {
		out = append(out, samples...)
		return ctx.Err() == nil
	})
	return aiges.Payloads{{Key: "audio", Type: aiges.Audio, Data: out}}, nil
}

func rates(params aiges.Params) (from, to int, err error) {
	if from, err = params.Int("from", 44100); err == nil {
		to, err = params.Int("to", 16000)
	}
	if err == nil && (from < 1000 || from > 384000 || to < 1000 || to > 384000) {
		err = aiges.BadInputf("from, to: expected rates of 1000 to 384000 Hz, got %d and %d", from, to)
	}
	return from, to, err
}

// Create begins a session. A goroutine of its own converts what Write puts in.
func (resampler) Create(ctx *aiges.Context, params aiges.Params, out *aiges.Emitter) (aiges.Session, error) {
	from, to, err := rates(params)
	if err != nil {
		return nil, err
	}
	s := &session{source: newSource()}
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		defer s.source.end() // Whoever waits to put more in.
		convert(s.source, from, to, func(samples []byte, last bool) bool {
			said := aiges.Payload{Key: "audio", Type: aiges.Audio, Data: samples, Status: aiges.Continue}
			if last {
				said.Status = aiges.End
			}
			return out.Emit(said) == nil
		})
	}()
	return s, nil
}

type session struct {
	source *source
	done   sync.WaitGroup
}

func (s *session) Write(in aiges.Payloads) error {
	for _, sound := range in {
		s.source.put(sound.Data)
		if sound.Ends() {
			s.source.end()
		}
	}
	return nil
}

func (s *session) Destroy() {
	s.source.end()
	s.done.Wait()
}

// convert gives the sound of the source at the other rate, until it ends or nobody takes it.
func convert(from *source, rate, wanted int, take func(samples []byte, last bool) bool) {
	stream := beep.Resample(quality, beep.SampleRate(rate), beep.SampleRate(wanted), from)
	var samples [piece][2]float64
	for {
		count, ok := stream.Stream(samples[:])
		out := make([]byte, 0, 2*count)
		for _, sample := range samples[:count] {
			out = binary.LittleEndian.AppendUint16(out, uint16(toInt16(sample[0])))
		}
		if !take(out, !ok) || !ok {
			return
		}
	}
}

func toInt16(sample float64) int16 {
	switch scaled := sample * 32768; {
	case scaled >= 32767:
		return 32767
	case scaled <= -32768:
		return -32768
	default:
		return int16(scaled)
	}
}

// source is a beep.Streamer of what is put in. Stream waits until it can give all that is asked for:
// with less, sound has ended.
type source struct {
	mu      sync.Mutex
	changed *sync.Cond
	sound   []byte
	ended   bool
}

func newSource() *source {
	s := &source{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// put copies: the data of a call is the host's.
func (s *source) put(sound []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.sound) > mostIn && !s.ended {
		s.changed.Wait()
	}
	s.sound = append(s.sound, sound...)
	s.changed.Broadcast()
}

func (s *source) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *source) Stream(samples [][2]float64) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.sound) < 2*len(samples) && !s.ended {
		s.changed.Wait()
	}
	count := 0
	for ; count < len(samples) && len(s.sound) >= 2; count++ {
		value := float64(int16(binary.LittleEndian.Uint16(s.sound))) / 32768
		samples[count] = [2]float64{value, value}
		s.sound = s.sound[2:]
	}
	s.changed.Broadcast()
	return count, count > 0
}

func (s *source) Err() error { return nil }

func init() { aiges.Serve(resampler{}) }

func main() {}
