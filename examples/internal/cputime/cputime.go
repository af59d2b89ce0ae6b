// Package cputime tells the lessons how much processor time they use.
package cputime
